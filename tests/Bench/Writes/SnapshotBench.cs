using System.Diagnostics;
using System.Globalization;
using Cstor.Engine.Host;
using Cstor.Engine.Host.Linux;
using Cstor.Engine.Pools;
using Cstor.Engine.Vdevs;
using Cstor.Engine.Volumes;
using Cstor.PoolLayout.Labels;
using Microsoft.Extensions.Logging.Abstractions;

namespace Cstor.Tests.Bench.Writes;

/// <summary>How long snapshots and clones take, and what many of them cost the writes that follow.</summary>
internal sealed class SnapshotBench(LinuxLoop loop, string poolPath, bool isQuick)
{
    private const int BlockBytes = 4096;
    private const long SparseBytes = 1L << 40;
    private const int WrittenBlocks = 100_000;
    private const int Snapshots = 1000;
    private const long SmallBytes = 1L << 30;
    private const int Depth = 32;

    private readonly int _rounds = isQuick ? 5 : 11;
    private Pool _pool = null!;

    /// <summary>Promises that were not kept.</summary>
    public int Missed { get; private set; }

    public async ValueTask<bool> RunAsync()
    {
        PoolRegistry registry = new(loop, NullLoggerFactory.Instance, new PoolOptions());
        Outcome<Pool> pool =
            await registry.CreateAsync("snaps", [new VdevSpec(VdevKind.Disk, [poolPath])], force: true);
        _pool = Value(pool);
        await MeasureTakingAsync();
        await MeasureCostAsync();
        IoStatus closed = await _pool.CloseAsync(exported: false);
        return closed == IoStatus.Ok;
    }

    // The first snapshot finds what was written last still pending, at its most; each block written anew
    // after a snapshot takes a leaf of its own here, so later rounds write fewer.
    private async ValueTask MeasureTakingAsync()
    {
        Volume volume = Value(await _pool.CreateVolumeAsync("sparse", SparseBytes, BlockBytes, []));
        List<double> snapshots = [];
        List<double> clones = [];
        for (int round = 0; round < _rounds; round++)
        {
            await new Load(loop, (ulong)round + 1).RunAsync(
                (offset, from) => volume.WriteAsync(offset, from, durable: false), Depth, BlockBytes,
                SparseBytes, round == 0 ? WrittenBlocks : WrittenBlocks / 10, 1e6);
            string name = round.ToString(CultureInfo.InvariantCulture);
            long started = Stopwatch.GetTimestamp();
            Value(await _pool.SnapshotAsync(["sparse"], name));
            snapshots.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
            started = Stopwatch.GetTimestamp();
            Value(await _pool.CloneAsync("sparse", name, "clone" + name, []));
            clones.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
        }

        Console.WriteLine();
        Console.WriteLine($"sparse volume of 1 TiB with {WrittenBlocks} blocks, snapshots between writes");
        Line("snapshot", "ms, worst", snapshots.Max(), "0.0", "< 50", snapshots.Max() < 50);
        Line("clone", "ms, worst", clones.Max(), "0.0", "< 50", clones.Max() < 50);
    }

    // Two volumes in turns, alike but for the snapshots of one.
    private async ValueTask MeasureCostAsync()
    {
        Volume plain = Value(await _pool.CreateVolumeAsync("plain", SmallBytes, BlockBytes, []));
        Volume many = Value(await _pool.CreateVolumeAsync("many", SmallBytes, BlockBytes, []));
        for (int i = 0; i < Snapshots; i++)
        {
            await new Load(loop, (ulong)i + 1).RunAsync(
                (offset, from) => many.WriteAsync(offset, from, durable: false), Depth, BlockBytes,
                SmallBytes, 32, 1e6);
            Value(await _pool.SnapshotAsync(["many"], "s" + i.ToString(CultureInfo.InvariantCulture)));
        }

        List<double> ratios = [];
        for (int round = 0; round < _rounds; round++)
        {
            double one = await TimeAsync(plain);
            double other = await TimeAsync(many);
            ratios.Add(other / one);
        }

        ratios.Sort();
        double ratio = ratios[ratios.Count / 2];
        string what = $"4K write with {Snapshots} snapshots";
        Line(what, "time / without", ratio, "0.000", "<= 1.05", ratio <= 1.05);
    }

    private async ValueTask<double> TimeAsync(Volume volume)
    {
        Load load = await new Load(loop, 7).RunAsync(
            (offset, from) => volume.WriteAsync(offset, from, durable: false), Depth, BlockBytes, SmallBytes,
            WrittenBlocks, 1e6);
        long started = Stopwatch.GetTimestamp();
        await _pool.CheckpointAsync();
        return load.Seconds + Stopwatch.GetElapsedTime(started).TotalSeconds;
    }

    private void Line(string load, string figure, double value, string format, string promised, bool isKept)
    {
        if (!isKept) Missed++;
        string number = value.ToString(format, CultureInfo.InvariantCulture);
        Console.WriteLine($"{load,-38}{figure,-26}{number,10}  {promised,-8}{(isKept ? "" : "  missed")}");
    }

    private static T Value<T>(Outcome<T> outcome) => outcome.Fault is { } fault
        ? throw new InvalidOperationException(fault.ToString())
        : outcome.Value;
}
