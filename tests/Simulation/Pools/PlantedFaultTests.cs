using Cstor.Tests.Simulation.Workloads;
using Xunit;

namespace Cstor.Tests.Simulation.Pools;

/// <summary>
/// The harness on trial with the real engine: what no pool can survive must be noticed, and what a mirror
/// must survive
/// must not go unnoticed on a single disk.
/// </summary>
public sealed class PlantedFaultTests
{
    private const int Seeds = 40;

    [Fact]
    public void A_disk_that_ignores_flushes_loses_what_was_flushed() =>
        IsNoticed(CrashMode.DropUnflushed, faults => faults.IgnoredFlush = 1);

    [Fact]
    public void A_disk_that_loses_writes_is_found_out() =>
        IsNoticed(CrashMode.KeepEverything, faults => faults.LostWrite = 0.05);

    [Fact]
    public void A_disk_that_misplaces_writes_is_found_out() =>
        IsNoticed(CrashMode.KeepEverything, faults => faults.MisdirectedWrite = 0.05);

    [Fact]
    public void A_disk_that_does_as_told_passes()
    {
        for (ulong seed = 0; seed < Seeds; seed++) WorkCrashAndVerify(seed, CrashMode.Random, _ => { });
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_cache_that_knows_blocks_by_their_place_alone_is_found_out(bool isFaulty)
    {
        int seeds = isFaulty ? 3 : 1;
        for (ulong seed = 0; seed < (ulong)seeds; seed++)
        {
            if (Record.Exception(() => ReusePlaces(seed, isFaulty)) is not { } failure) continue;
            if (!isFaulty) Assert.Fail(failure.Message);
            Assert.IsType<SimulationException>(failure);
            return;
        }

        Assert.False(isFaulty, $"went unnoticed in {Seeds} seeds");
    }

    // Overwrites a volume until the disk has been written over several times.
    private static void ReusePlaces(ulong seed, bool isFaulty)
    {
        using PoolWorld world = new(seed, PoolShape.Single, 64L << 20) { IsCacheFaulty = isFaulty };
        world.Options = world.Options with { CacheBytes = 256L << 20 };
        world.Live(async loop =>
        {
            PoolSession session = await world.OpenAsync(loop);
            await session.CreateVolumeAsync("v", 8 << 20, 4096, "off");
            WorkloadMix mix = new() { Reads = 60, Unmaps = 1, MaximumBytes = 1 << 20 };
            for (int round = 0; round < 100; round++)
            {
                await session.WorkAsync(mix, 100);
                await session.CheckpointAsync([]);
            }

            await session.ExportAsync();
        });
    }

    private static void IsNoticed(CrashMode mode, Action<DiskFaults> plant)
    {
        for (ulong seed = 0; seed < Seeds; seed++)
        {
            if (Record.Exception(() => WorkCrashAndVerify(seed, mode, plant)) is SimulationException) return;
        }

        Assert.Fail($"went unnoticed in {Seeds} seeds");
    }

    private static void WorkCrashAndVerify(ulong seed, CrashMode mode, Action<DiskFaults> plant)
    {
        using PoolWorld world = new(seed, PoolShape.Single);
        world.Live(async loop =>
        {
            PoolSession session = await world.OpenAsync(loop);
            await session.CreateVolumeAsync("v", 1024 * 1024, 4096, "off");
            plant(world.Node.Disks["/dev/sda"].Faults);
            await session.WorkAsync(new WorkloadMix { Flushes = 30, MaximumBytes = 16_384 }, 100);
            await session.WorkAsync(new WorkloadMix { Flushes = 1, Writes = 0, Reads = 0, Unmaps = 0 }, 1);
            world.Node.Crash(mode);
            await loop.DelayAsync(1);
        });
        world.Model.Crash();
        world.Node.Disks["/dev/sda"].Faults.Clear();
        world.Live(async loop =>
        {
            PoolSession session = await world.OpenAsync(loop);
            await session.SettleAsync(isAfterCrash: true);
            await session.CheckAsync(hasVictim: false);
        });
    }
}
