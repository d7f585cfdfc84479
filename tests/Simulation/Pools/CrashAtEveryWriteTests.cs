// The fixed workload is run once. At each write, discard and flush that it sends to a disk, the disks are
// copied as a power cut at that point would leave them; the copy is imported, checked against the model as of
// that point, written to, exported and imported again. So each boundary is tried in several ways at the cost
// of one run.
using Cstor.Tests.Simulation.Oracle;
using Cstor.Tests.Simulation.Workloads;
using Xunit;

namespace Cstor.Tests.Simulation.Pools;

[Trait("Category", "Simulation")]
public sealed class CrashAtEveryWriteTests
{
    private static readonly CrashMode[] Modes =
    [
        CrashMode.Random, CrashMode.DropUnflushed, CrashMode.Random, CrashMode.KeepEverything,
        CrashMode.Random, CrashMode.TearUnflushed, CrashMode.Random, CrashMode.KeepPrefix,
    ];

    [Fact]
    public void A_pool_on_one_disk_survives_a_crash_at_every_write() => CrashEverywhere(PoolShape.Single);

    [Fact]
    public void A_pool_on_mirrors_survives_a_crash_at_every_write() =>
        CrashEverywhere(PoolShape.StripeOfMirrors);

    private static void CrashEverywhere(PoolShape shape)
    {
        ulong seed = SeedRange.Number("CSTOR_SEED") ?? 1;
        long only = (long)(SeedRange.Number("CSTOR_BOUNDARY") ?? ulong.MaxValue >> 1);
        long tried = 0;
        using PoolWorld world = new(seed, shape);
        world.Options = world.Options with { PendingLimit = 300, LogLimitBytes = 600 * 1024 };
        world.Node.OnWriteBoundary = boundary =>
        {
            if (!world.IsCreated || (only < long.MaxValue >> 1 && boundary.Index != only)) return;
            Try(world, boundary, Modes[boundary.Index % Modes.Length]);
            tried++;
        };
        RunEnd end = world.Live(async loop =>
        {
            PoolSession session = await world.OpenAsync(loop);
            await FixedWorkload.RunAsync(session);
            await session.ExportAsync();
        });

        Assert.Equal(RunEnd.Completed, end);
        Assert.True(tried > 500 || only < long.MaxValue >> 1, $"only {tried} boundaries");
    }

    private static void Try(PoolWorld world, WriteBoundary boundary, CrashMode mode)
    {
        ulong seed = SimulatedRandom.Mix(world.Machine.Seed, (ulong)boundary.Index);
        try
        {
            using PoolWorld crashed = new(seed, world, mode);
            Recover(crashed);
        }
        catch (SimulationException failure)
        {
            throw new OracleException(
                $"CSTOR_SEED={world.Machine.Seed} CSTOR_BOUNDARY={boundary.Index}: crash ({mode}) before "
                + $"{boundary.Kind} of {boundary.LengthBytes} at {boundary.OffsetBytes} "
                + $"on {boundary.Disk.Path}: {failure.Message}");
        }
    }

    private static void Recover(PoolWorld world)
    {
        world.Live(async loop =>
        {
            PoolSession session = await world.OpenAsync(loop);
            await session.SettleAsync(isAfterCrash: true);
            await session.CheckAsync();
            WorkloadMix mix = new() { MaximumBytes = 32_768 };
            if (session.Drivers.Count > 0) await session.WorkAsync(mix, 12);
            await session.ExportAsync();
        });
        world.Live(async loop =>
        {
            PoolSession session = await world.OpenAsync(loop);
            await session.SettleAsync(isAfterCrash: false);
            await session.CheckAsync();
            await session.ExportAsync();
        });
    }
}
