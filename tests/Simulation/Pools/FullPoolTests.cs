using Cstor.Engine.Host;
using Cstor.Tests.Simulation.Workloads;
using Xunit;

namespace Cstor.Tests.Simulation.Pools;

/// <summary>
/// A pool without room refuses writes, and nothing else: what is there stays, and room can be made.
/// </summary>
[Trait("Category", "Simulation")]
public sealed class FullPoolTests
{
    private const int MiB = 1024 * 1024;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void A_full_pool_can_unmap_destroy_crash_and_go_on(int disks)
    {
        PoolShape shape = disks == 1 ? PoolShape.Single : PoolShape.Mirror;
        foreach (ulong seed in SeedRange.Of(2)) FillAndRecover(shape, seed);
    }

    private static void FillAndRecover(PoolShape shape, ulong seed)
    {
        WorkloadMix fill = new()
        {
            Reads = 5,
            Unmaps = 0,
            Flushes = 2,
            Durable = 0.05,
            MaximumBytes = MiB,
            AllowedFailures = [IoStatus.NoSpace],
        };
        using PoolWorld world = new(seed, shape);
        bool isCrash = seed % 2 == 0;
        world.Live(async loop =>
        {
            PoolSession session = await world.OpenAsync(loop);
            await session.CreateVolumeAsync("a", 192 * MiB, 128 * 1024, "off");
            await session.CreateVolumeAsync("b", 16 * MiB, 16 * 1024, "off");
            for (int round = 0; session.Drivers.Sum(driver => driver.Failures) < 50; round++)
            {
                Assert.InRange(round, 0, 100);
                await session.WorkAsync(fill, 60);
            }

            await session.CheckpointAsync([]);
            await session.DestroyVolumeAsync(session.Drivers[1]);
            VolumeDriver left = session.Drivers[0];
            await left.UnmapAsync(fill, 0, 48 * MiB);
            await session.CheckpointAsync([]);
            await loop.DelayAsync(5_000_000_000);
            await session.WorkAsync(fill with { AllowedFailures = [], MaximumBytes = 128 * 1024 }, 40);
            if (isCrash) world.Node.Crash(CrashMode.Random);
            await session.ExportAsync();
        });
        if (isCrash) world.Model.Crash();
        world.Live(async loop =>
        {
            PoolSession session = await world.OpenAsync(loop);
            await session.SettleAsync(isCrash);
            await session.CheckAsync(hasVictim: false);
            await session.ExportAsync();
        });
    }
}
