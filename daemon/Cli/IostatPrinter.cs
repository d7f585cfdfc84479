using System.Globalization;
using Cstor.Daemon.Api;
using Cstor.Daemon.Explain;
using Cstor.Engine.Statistics;
using Cstor.PoolLayout.Units;

namespace Cstor.Daemon.Cli;

/// <summary>Rates and latencies between two moments, as tables.</summary>
internal static class IostatPrinter
{
    public static void WriteVolumes(
        TextWriter output, StatisticsView before, StatisticsView after, VolumeIo[] chosen)
    {
        double seconds = Seconds(before, after);
        TextTable table = new(
            "VOLUME", ">READS/s", ">WRITES/s", ">READ/s", ">WRITTEN/s", ">READ p50", ">READ p99",
            ">WRITE p50", ">WRITE p99", ">FLUSHES/s", ">FLUSH p50", ">FLUSH p99");
        foreach (VolumeIo volume in chosen)
        {
            VolumeIo io = Since(volume, before);
            table.Add(
                io.Volume,
                Rate(io.Reads.Count, seconds),
                Rate(io.Writes.Count, seconds),
                Bytes(io.ReadSizes.Sum, seconds),
                Bytes(io.WriteSizes.Sum, seconds),
                Median(io.Reads),
                Worst(io.Reads),
                Median(io.Writes),
                Worst(io.Writes),
                Rate(io.Flushes.Count, seconds),
                Median(io.Flushes),
                Worst(io.Flushes));
        }
        table.Write(output);
    }

    public static void WritePools(
        TextWriter output,
        StatisticsView before,
        StatisticsView after,
        PoolIo[] chosen,
        bool devices,
        bool latencies)
    {
        double seconds = Seconds(before, after);
        string[] columns = ["POOL", ">READS/s", ">WRITES/s", ">FLUSHES/s", ">READ/s", ">WRITTEN/s", ">QUEUE"];
        string[] more =
            [">READ p50", ">READ p99", ">WRITE p50", ">WRITE p99", ">FLUSH p50", ">FLUSH p99"];
        TextTable table = new(latencies ? [.. columns, .. more] : columns);
        foreach (PoolIo pool in chosen)
        {
            DeviceIo[] all = [.. pool.Devices.Select(device => Since(device, pool.Name, before))];
            Add(pool.Name, Total(all));
            if (!devices) continue;
            foreach (IGrouping<string, DeviceIo> vdev in all.GroupBy(device => device.Vdev))
            {
                if (vdev.Count() > 1) Add("  " + vdev.Key, Total([.. vdev]));
                foreach (DeviceIo device in vdev)
                {
                    Add((vdev.Count() > 1 ? "    " : "  ") + device.Path, device);
                }
            }
        }
        table.Write(output);

        void Add(string name, DeviceIo io)
        {
            string[] cells =
            [
                name,
                Rate(io.Reads.Count, seconds),
                Rate(io.Writes.Count, seconds),
                Rate(io.Flushes.Count, seconds),
                Bytes(io.ReadBytes, seconds),
                Bytes(io.WrittenBytes, seconds),
                io.UnderWay.ToString(CultureInfo.InvariantCulture),
            ];
            string[] times =
            [
                Median(io.Reads), Worst(io.Reads), Median(io.Writes), Worst(io.Writes), Median(io.Flushes),
                Worst(io.Flushes),
            ];
            table.Add(latencies ? [.. cells, .. times] : cells);
        }
    }

    /// <summary>What a volume did since an earlier moment.</summary>
    public static VolumeIo Since(VolumeIo now, StatisticsView before) =>
        now.Since(before.Volumes.FirstOrDefault(volume => volume.Volume == now.Volume)
            ?? VolumeIo.None(now.Volume));

    /// <summary>What a device did since an earlier moment.</summary>
    public static DeviceIo Since(DeviceIo now, string pool, StatisticsView before)
    {
        DeviceIo? earlier = before.Pools.FirstOrDefault(each => each.Name == pool)?
            .Devices.FirstOrDefault(device => device.Guid == now.Guid);
        return earlier is null ? now : now.Since(earlier);
    }

    private static DeviceIo Total(DeviceIo[] devices) => new(
        Guid.Empty,
        "",
        "",
        devices.Sum(device => device.UnderWay),
        Together(devices, device => device.Reads),
        Together(devices, device => device.Writes),
        Together(devices, device => device.Flushes),
        devices.Sum(device => device.ReadBytes),
        devices.Sum(device => device.WrittenBytes));

    private static HistogramCounts Together(DeviceIo[] devices, Func<DeviceIo, HistogramCounts> of) =>
        devices.Select(of).Aggregate(HistogramCounts.None, (sum, next) => sum.Plus(next));

    private static double Seconds(StatisticsView before, StatisticsView after) =>
        Math.Max(0.001, (after.Time - before.Time).TotalSeconds);

    private static string Rate(long count, double seconds)
    {
        double rate = count / seconds;
        return rate.ToString(rate is > 0 and < 10 ? "0.0" : "0", CultureInfo.InvariantCulture);
    }

    private static string Bytes(long bytes, double seconds) => ByteSize.Format((long)(bytes / seconds));

    private static string Median(HistogramCounts counts) => DurationText.Of(counts.Percentile(0.5));

    private static string Worst(HistogramCounts counts) => DurationText.Of(counts.Percentile(0.99));
}
