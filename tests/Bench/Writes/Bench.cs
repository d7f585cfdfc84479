using System.Globalization;
using Cstor.Engine.Host;
using Cstor.Engine.Host.Linux;
using Cstor.Engine.Pools;
using Cstor.Engine.Vdevs;
using Cstor.Engine.Volumes;
using Cstor.PoolLayout.Labels;
using Microsoft.Extensions.Logging.Abstractions;

namespace Cstor.Tests.Bench.Writes;

/// <summary>The measurements, each a few lines of the table.</summary>
internal sealed class Bench(LinuxLoop loop, string rawPath, string poolPath, bool isQuick)
{
    private const int RequestBytes = 4096;
    private const long VolumeBytes = 8L << 30;
    private const long RawBytes = 1L << 30;
    private const int Depth = 32;
    private const double MostControlSeconds = 30;

    // A device that never settles gives the median of more rounds.
    private readonly int _rounds = isQuick ? 3 : 7;
    private readonly double _roundSeconds = isQuick ? 2 : 4;
    private readonly long _overwrites = (isQuick ? 3L << 30 : VolumeBytes) / RequestBytes;
    private Pool _pool = null!;
    private IDisk _raw = null!;

    /// <summary>Promises that were not kept.</summary>
    public int Missed { get; private set; }

    public async ValueTask<bool> RunAsync()
    {
        PoolRegistry registry = new(loop, NullLoggerFactory.Instance, new PoolOptions());
        Outcome<Pool> pool =
            await registry.CreateAsync("bench", [new VdevSpec(VdevKind.Disk, [poolPath])], force: true);
        Outcome<IDisk> raw = await loop.Disks.OpenAsync(rawPath, DiskAccess.ReadWrite);
        if ((pool.Fault ?? raw.Fault) is { } fault) throw new InvalidOperationException(fault.ToString());
        _pool = pool.Value;
        _raw = raw.Value;
        await FillAsync((offset, from) => _raw.WriteAsync(offset, from), RawBytes);
        await MeasureVolumeAsync(4096, 1.3);
        await MeasureVolumeAsync(16384, 5);
        await _raw.CloseAsync();
        IoStatus closed = await _pool.CloseAsync(exported: false);
        return closed == IoStatus.Ok && Missed == 0;
    }

    private async ValueTask MeasureVolumeAsync(int blockBytes, double promised)
    {
        string name = $"b{blockBytes}";
        Outcome<Volume> created = await _pool.CreateVolumeAsync(name, VolumeBytes, blockBytes, []);
        if (created.Fault is { } fault) throw new InvalidOperationException(fault.ToString());
        Volume volume = created.Value;
        Console.WriteLine();
        Console.WriteLine($"volume of {VolumeBytes >> 30} GiB in blocks of {blockBytes >> 10}K, all written");
        await FillAsync((offset, from) => volume.WriteAsync(offset, from, durable: false), VolumeBytes);
        await OverwriteAsync(volume, promised);
        await LatencyAsync(volume);
        await _pool.DestroyVolumeAsync(name);
        // Gone before the next one begins, so that no freeing is measured with it.
        while (_pool.Status().FreeBytes < VolumeBytes) await loop.DelayAsync(100_000_000);
    }

    private async ValueTask FillAsync(Func<long, IoSlice, ValueTask<IoStatus>> write, long bytes)
    {
        const int chunk = 1 << 20;
        IoBuffer buffer = loop.Buffers.Rent(chunk);
        loop.FillRandom(buffer.Span);
        for (long offset = 0; offset < bytes; offset += chunk)
            if (await write(offset, buffer.First(chunk)) is var status and not IoStatus.Ok)
                throw new InvalidOperationException($"filling ended with {status}");
        buffer.Release();
    }

    // What comes before is only there to reach the steady state: two checkpoints.
    private async ValueTask OverwriteAsync(Volume volume, double promised)
    {
        ValueTask<IoStatus> Write(long offset, IoSlice from) =>
            volume.WriteAsync(offset, from, durable: false);
        await new Load(loop, 1).RunAsync(Write, Depth, RequestBytes, VolumeBytes,
            2L * new PoolOptions().PendingLimit, 1e6);
        await CheckpointAsync();
        long written = Machine.WrittenBytes(poolPath);
        ulong checkpoints = _pool.Status().Checkpoint;
        Load load = new(loop, 2);
        await load.RunAsync(Write, Depth, RequestBytes, VolumeBytes, _overwrites, 1e6);
        long resident = Machine.ResidentBytes();
        await CheckpointAsync();
        checkpoints = _pool.Status().Checkpoint - checkpoints;
        double factor = (Machine.WrittenBytes(poolPath) - written) / (double)(load.Count * RequestBytes);
        Line("4K overwrite, uniform", "bytes to device per byte", factor, "0.00", $"<= {promised}",
            factor <= promised);
        (double median, double worst) = Steadiness(load);
        // No disk that others share is steady by itself.
        Load control = await new Load(loop, 4).RunAsync(
            (offset, from) => _raw.WriteAsync(offset, from), Depth, RequestBytes, RawBytes, long.MaxValue,
            Math.Min(load.Seconds, MostControlSeconds));
        Line($"  {load.Count} writes, {checkpoints} checkpoints", "I/O a second, median", median, "0");
        Line("", "worst second / median", worst, "0.00", ">= 0.5", worst >= 0.5);
        Line("", "the same of the raw device", Steadiness(control).Worst, "0.00");
        Line("", "p99 us", load.Percentile(0.99), "0");
        Line("", "worst us", load.Percentile(1), "0");
        Line("", "managed bytes per I/O", load.AllocatedBytes / (double)load.Count, "0.00", "< 1",
            load.AllocatedBytes < load.Count);
        Line("", "resident MiB", resident / 1048576.0, "0");
    }

    // Of the whole seconds: the median, and what part of it the worst one had.
    private static (double Median, double Worst) Steadiness(Load load)
    {
        long[] seconds = load.PerSecond.ToArray();
        Array.Sort(seconds);
        double median = seconds[seconds.Length / 2];
        return (median, seconds[0] / median);
    }

    private async ValueTask LatencyAsync(Volume volume)
    {
        List<Load> raw = [];
        List<Load> one = [];
        List<Load> many = [];
        List<Load> part = [];
        for (int round = 0; round < _rounds; round++)
        {
            raw.Add(await TimedAsync(RawDurableAsync, 1, RawBytes, RequestBytes));
            one.Add(await TimedAsync(DurableAsync, 1, VolumeBytes, RequestBytes));
            many.Add(await TimedAsync(DurableAsync, Depth, VolumeBytes, RequestBytes));
            part.Add(await TimedAsync(OrdinaryAsync, 1, VolumeBytes, 512));
        }

        double p50 = Median(raw, static load => load.Percentile(0.5));
        double p99 = Median(raw, static load => load.Percentile(0.99));
        double serial = Median(raw, static load => load.Rate);
        Line("raw device, 4K write + flush", "p50 us", p50, "0");
        Line("", "p99 us", p99, "0");
        Ratio("durable 4K, depth 1", "p50 us", Median(one, static load => load.Percentile(0.5)), p50, 1.6);
        Ratio("", "p99 us", Median(one, static load => load.Percentile(0.99)), p99, 2);
        double rate = Median(many, static load => load.Rate);
        Line("durable 4K, depth 32", "I/O a second", rate, "0");
        Line("", "/ raw serial rate", rate / serial, "0.00", ">= 3", rate >= 3 * serial);
        double allocated = Median(many, static load => load.AllocatedBytes / (double)load.Count);
        Line("", "managed bytes per I/O", allocated, "0.00");
        Line("512 B of a block, depth 1", "p50 us", Median(part, static load => load.Percentile(0.5)), "0");
        Line("", "p99 us", Median(part, static load => load.Percentile(0.99)), "0");

        ValueTask<IoStatus> DurableAsync(long offset, IoSlice from) =>
            volume.WriteAsync(offset, from, durable: true);
        ValueTask<IoStatus> OrdinaryAsync(long offset, IoSlice from) =>
            volume.WriteAsync(offset, from, durable: false);
    }

    private async ValueTask<IoStatus> RawDurableAsync(long offset, IoSlice from)
    {
        IoStatus status = await _raw.WriteAsync(offset, from);
        return status == IoStatus.Ok ? await _raw.FlushAsync() : status;
    }

    private ValueTask<Load> TimedAsync(
        Func<long, IoSlice, ValueTask<IoStatus>> write, int depth, long region, int bytes) =>
        new Load(loop, 3).RunAsync(write, depth, bytes, region, long.MaxValue, _roundSeconds);

    private async ValueTask CheckpointAsync()
    {
        IoStatus status = await _pool.CheckpointAsync();
        if (status != IoStatus.Ok) throw new InvalidOperationException($"a checkpoint ended with {status}");
    }

    private static double Median(List<Load> rounds, Func<Load, double> figure)
    {
        double[] values = [.. rounds.Select(figure)];
        Array.Sort(values);
        return values[values.Length / 2];
    }

    private void Ratio(string load, string figure, double value, double raw, double most)
    {
        Line(load, figure, value, "0");
        Line("", figure.Replace("us", "/ raw", StringComparison.Ordinal), value / raw, "0.00", $"<= {most}",
            value <= most * raw);
    }

    private void Line(string load, string figure, double value, string format, string promised = "",
        bool isKept = true)
    {
        if (!isKept) Missed++;
        string number = value.ToString(format, CultureInfo.InvariantCulture);
        string mark = isKept ? "" : "  missed";
        Console.WriteLine($"{load,-38}{figure,-26}{number,10}  {promised,-8}{mark}");
    }
}
