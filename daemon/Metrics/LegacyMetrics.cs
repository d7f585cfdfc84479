using Cstor.Daemon.Api;
using Cstor.Engine.Pools;
using Cstor.Engine.Statistics;

namespace Cstor.Daemon.Metrics;

/// <summary>
/// What the exporter of OpenEBS calls the same things, with its units and labels, so that dashboards made for
/// it go on. Only where the meaning is the same: there are no replicas that are served by processes of their
/// own, for one. New dashboards should use the other names.
/// </summary>
internal static class LegacyMetrics
{
    private const double Gibibyte = 1L << 30;
    private const double SectorBytes = 512;

    public static string Write(MetricsSnapshot snapshot)
    {
        MetricsText text = new();
        WriteVolumes(text, snapshot.Volumes);
        WriteIo(text, snapshot.Statistics.Volumes);
        WritePools(text, snapshot.Pools);
        return text.ToString();
    }

    private static void WriteVolumes(MetricsText text, VolumeView[] volumes)
    {
        text.Gauge("openebs_size_of_volume", "Size of the volume requested, in GiB.");
        foreach (VolumeView volume in volumes) text.Add(volume.SizeBytes / Gibibyte, Labels(volume.Name));
        text.Gauge("openebs_actual_used", "Space that the volume takes, in GiB.");
        foreach (VolumeView volume in volumes) text.Add(volume.UsedBytes / Gibibyte, Labels(volume.Name));
        text.Gauge("openebs_logical_size", "Blocks of the volume as they were written, in GiB.");
        foreach (VolumeView volume in volumes) text.Add(volume.LogicalBytes / Gibibyte, Labels(volume.Name));
        text.Gauge("openebs_sector_size", "Size of the volume's blocks in bytes.");
        foreach (VolumeView volume in volumes) text.Add(volume.BlockSizeBytes, Labels(volume.Name));
        text.Gauge("openebs_volume_status", "1 offline, 2 degraded, 3 healthy, 4 unknown.");
        foreach (VolumeView volume in volumes)
        {
            text.Add(volume.Problem.Length > 0 ? 1 : 3, Labels(volume.Name));
        }
    }

    private static void WriteIo(MetricsText text, VolumeIo[] volumes)
    {
        Gauge("reads", "Reads of the volume.", io => io.Reads.Count);
        Gauge("writes", "Writes of the volume.", io => io.Writes.Count);
        Gauge("read_time", "Time that reads took, in nanoseconds.", io => io.Reads.Sum);
        Gauge("write_time", "Time that writes took, in nanoseconds.", io => io.Writes.Sum);
        Gauge("total_read_bytes", "Bytes read.", io => io.ReadSizes.Sum);
        Gauge("total_write_bytes", "Bytes written.", io => io.WriteSizes.Sum);
        Gauge("read_block_count", "Sectors of 512 bytes read.", io => io.ReadSizes.Sum / SectorBytes);
        Gauge("write_block_count", "Sectors of 512 bytes written.", io => io.WriteSizes.Sum / SectorBytes);

        void Gauge(string name, string help, Func<VolumeIo, double> value)
        {
            text.Gauge("openebs_" + name, help);
            foreach (VolumeIo volume in volumes) text.Add(value(volume), Labels(volume.Volume));
        }
    }

    private static void WritePools(MetricsText text, PoolStatus[] pools)
    {
        text.Gauge(
            "openebs_pool_status",
            "0 offline, 1 online, 2 degraded, 3 faulted, 4 removed, 5 unavailable, 6 no pool.");
        foreach (PoolStatus pool in pools) text.Add(Number(pool.Health), ("cstor_pool", pool.Name));
        Gauge("pool_size", "Size of the pool in bytes.", pool => pool.SizeBytes);
        Gauge("used_pool_capacity", "Space of the pool in use, in bytes.", pool => pool.AllocatedBytes);
        Gauge("free_pool_capacity", "Space of the pool that is free, in bytes.", pool => pool.FreeBytes);
        Gauge(
            "used_pool_capacity_percent",
            "Share of the pool in use, in percent.",
            pool => pool.SizeBytes == 0 ? 0 : 100.0 * pool.AllocatedBytes / pool.SizeBytes);

        void Gauge(string name, string help, Func<PoolStatus, double> value)
        {
            text.Gauge("openebs_" + name, help);
            foreach (PoolStatus pool in pools) text.Add(value(pool), ("cstor_pool", pool.Name));
        }
    }

    private static int Number(string health) => health switch
    {
        "online" => 1,
        "degraded" or "readonly" => 2,
        "stopped" => 3,
        _ => 5,
    };

    private static ReadOnlySpan<(string Name, string Value)> Labels(string volume) =>
        new[] { ("openebs_cas_type", "cstor"), ("openebs_pv", volume), ("openebs_pvc", volume) };
}
