// The fixed workload is run once. At each write, discard and flush that it sends to a disk, the disks are
// copied as a power cut at that point would leave them; the copy is imported, checked against the model as of
// that point, written to, exported and imported again. So each boundary is tried in several ways at the cost
// of one run.
using Cstor.Tests.Simulation.Oracle;
using Cstor.Tests.Simulation.Workloads;
using Xunit;
using Xunit.Abstractions;

namespace Cstor.Tests.Simulation.Pools;

[Trait("Category", "Simulation")]
public sealed class CrashAtEveryWriteTests(ITestOutputHelper output)
{
    private static readonly CrashMode[] Modes =
    [
        CrashMode.Random, CrashMode.DropUnflushed, CrashMode.Random, CrashMode.KeepEverything,
        CrashMode.Random, CrashMode.TearUnflushed, CrashMode.Random, CrashMode.KeepPrefix,
    ];

    [Fact]
    public void A_pool_on_one_disk_survives_a_crash_at_every_write() => CrashEverywhere(PoolShape.Single);

    [Fact]
    public void A_pool_on_a_mirror_survives_a_crash_at_every_write() => CrashEverywhere(PoolShape.Mirror);

    private void CrashEverywhere(PoolShape shape)
    {
        ulong seed = SeedRange.Number("CSTOR_SEED") ?? 1;
        long only = (long)(SeedRange.Number("CSTOR_BOUNDARY") ?? ulong.MaxValue >> 1);
        long tried = 0;
        using PoolWorld world = new(seed, shape);
        world.Options = world.Options with { PendingLimit = 150, LogLimitBytes = 300 * 1024 };
        world.Node.OnWriteBoundary = boundary =>
        {
            if (!world.IsCreated || (only < long.MaxValue >> 1 && boundary.Index != only)) return;
            Try(world, boundary, Modes[boundary.Index % Modes.Length], isWithinRecovery: false);
            tried++;
        };
        RunEnd end = world.Live(async loop =>
        {
            PoolSession session = await world.OpenAsync(loop);
            await FixedWorkload.RunAsync(session);
            await session.ExportAsync();
        });

        output.WriteLine($"{tried} boundaries");
        Assert.Equal(RunEnd.Completed, end);
        Assert.True(tried > 500 || only < long.MaxValue >> 1, $"only {tried} boundaries");
    }

    private static void Try(PoolWorld world, WriteBoundary boundary, CrashMode mode, bool isWithinRecovery)
    {
        ulong seed = SimulatedRandom.Mix(world.Machine.Seed, (ulong)boundary.Index);
        bool losesDisk = world.Shape.IsRedundant && !isWithinRecovery && boundary.Index % 3 == 0;
        try
        {
            using PoolWorld crashed = new(seed, world, mode);
            int lost = crashed.Random.Below(world.Shape.DiskCount);
            if (losesDisk) crashed.Node.Disks.Remove(PoolShape.PathOf(lost));
            if (boundary.Index % 16 == 1) LookWithoutTouching(crashed);
            if (boundary.Index % 150 == 2 && !isWithinRecovery) CrashWithin(crashed);
            Recover(crashed, crashed.Node.Disks.All.Count() < world.Shape.DiskCount);
        }
        catch (SimulationException failure)
        {
            throw new OracleException(
                $"CSTOR_SEED={world.Machine.Seed} CSTOR_BOUNDARY={boundary.Index}: crash ({mode}) before "
                + $"{boundary.Kind} of {boundary.LengthBytes} at {boundary.OffsetBytes} "
                + $"on {boundary.Disk.Path}, disk lost: {losesDisk}: {failure.Message}");
        }
    }

    // The next power cut comes while the pool is being imported.
    private static void CrashWithin(PoolWorld world) =>
        world.Node.OnWriteBoundary = boundary =>
            Try(world, boundary, Modes[boundary.Index % Modes.Length], true);

    private static void LookWithoutTouching(PoolWorld crashed)
    {
        using PoolWorld copy = new(crashed.Machine.Seed, crashed, CrashMode.KeepEverything);
        copy.Live(async loop =>
        {
            PoolSession session = await copy.OpenAsync(loop, readOnly: true);
            await session.SettleAsync(isAfterCrash: true);
            await session.ExportAsync();
        });
        if (copy.Node.WriteBoundaryCount > 0) throw copy.Machine.Failed("a read-only import wrote to a disk");
    }

    private static void Recover(PoolWorld world, bool lacksDisk)
    {
        world.Live(async loop =>
        {
            PoolSession session = await world.OpenAsync(loop);
            world.Node.OnWriteBoundary = null;
            await session.SettleAsync(isAfterCrash: true);
            await session.CheckAsync(lacksDisk);
            WorkloadMix mix = new() { MaximumBytes = 32_768 };
            if (session.Drivers.Count > 0) await session.WorkAsync(mix, 12);
            await session.ExportAsync();
        });
        world.Live(async loop =>
        {
            PoolSession session = await world.OpenAsync(loop);
            await session.SettleAsync(isAfterCrash: false);
            await session.CheckAsync(lacksDisk);
            await session.ExportAsync();
        });
    }
}
