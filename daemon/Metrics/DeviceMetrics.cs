using Cstor.Daemon.Api;
using Cstor.Daemon.Service;
using Cstor.Engine.Pools;
using Cstor.Engine.Statistics;

namespace Cstor.Daemon.Metrics;

/// <summary>State, errors and speed of the devices of pools.</summary>
internal static class DeviceMetrics
{
    private static readonly string[] States =
        ["online", "degraded", "faulted", "offline", "missing", "available", "in use"];

    public static void Write(MetricsText text, PoolStatus[] pools, PoolIo[] io)
    {
        (string Pool, VdevStatus Device)[] devices =
        [
            .. pools.SelectMany(pool => MemberPaths.Leaves(pool.Vdevs).Select(leaf => (pool.Name, leaf))),
        ];
        text.Gauge("cstor_device_state", "1 for the state that a device has, 0 for the others.");
        foreach ((string pool, VdevStatus device) in devices)
        {
            foreach (string state in States)
            {
                text.Add(
                    device.State == state ? 1 : 0,
                    ("pool", pool),
                    ("device", Name(device.Path, device.Guid)),
                    ("state", state));
            }
        }
        text.Counter("cstor_device_errors_total", "What went wrong since import, or was cleared.");
        foreach ((string pool, VdevStatus device) in devices)
        {
            string name = Name(device.Path, device.Guid);
            text.Add(device.ReadErrors, ("pool", pool), ("device", name), ("kind", "read"));
            text.Add(device.WriteErrors, ("pool", pool), ("device", name), ("kind", "write"));
            text.Add(device.ChecksumErrors, ("pool", pool), ("device", name), ("kind", "checksum"));
        }
        WriteIo(text, io);
    }

    private static void WriteIo(MetricsText text, PoolIo[] pools)
    {
        text.Gauge("cstor_device_requests_under_way", "Requests that the device has not ended.");
        Each((device, labels) => text.Add(device.UnderWay, labels));
        text.Counter("cstor_device_read_bytes_total", "Bytes read.");
        Each((device, labels) => text.Add(device.ReadBytes, labels));
        text.Counter("cstor_device_written_bytes_total", "Bytes written.");
        Each((device, labels) => text.Add(device.WrittenBytes, labels));
        text.Histogram("cstor_device_read_duration_seconds", "Time that reads took.");
        Each((device, labels) => text.AddDurations(device.Reads, labels));
        text.Histogram("cstor_device_write_duration_seconds", "Time that writes took.");
        Each((device, labels) => text.AddDurations(device.Writes, labels));
        text.Histogram("cstor_device_flush_duration_seconds", "Time that flushes took.");
        Each((device, labels) => text.AddDurations(device.Flushes, labels));

        void Each(Action<DeviceIo, (string Name, string Value)[]> write)
        {
            foreach (PoolIo pool in pools)
            {
                foreach (DeviceIo device in pool.Devices)
                {
                    write(
                        device,
                        [
                            ("pool", pool.Name), ("vdev", device.Vdev),
                            ("device", Name(device.Path, device.Guid)),
                        ]);
                }
            }
        }
    }

    private static string Name(string path, Guid guid) => path.Length > 0 ? path : guid.ToString();
}
