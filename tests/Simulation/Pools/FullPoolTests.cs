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

    // To fill the disks is what takes the time: the smallest ones that a pool takes, and few of them.
    private const long DiskBytes = 64 * MiB;
    private const int FewDisks = 3;

    /// <summary>Names of <see cref="PoolShape.All"/>.</summary>
    public static TheoryData<string> Shapes => [.. PoolShape.All.Select(shape => shape.Name)];

    /// <summary>The same, but without the wide ones unless a number of seeds is asked for.</summary>
    public static TheoryData<string> SmallShapes =>
    [
        .. PoolShape.All
            .Where(shape => SeedRange.Number("CSTOR_SEEDS") is not null || shape.DiskCount <= FewDisks)
            .Select(shape => shape.Name),
    ];

    [Theory]
    [MemberData(nameof(Shapes))]
    public void A_full_pool_can_unmap_destroy_crash_and_go_on(string shape)
    {
        foreach (ulong seed in SeedRange.Of(1)) FillAndRecover(ShapeOf(shape), seed);
    }

    [Theory]
    [MemberData(nameof(SmallShapes))]
    public void A_full_pool_takes_any_number_of_unmaps_and_overwrites(string shape)
    {
        foreach (ulong seed in SeedRange.Of(1)) FillAndChurn(ShapeOf(shape), seed);
    }

    private static PoolShape ShapeOf(string name) => PoolShape.All.Single(shape => shape.Name == name);

    // Blocks of 4 KiB all over a volume much larger than the pool: each has a leaf nearly of its own.
    private static void FillAndChurn(PoolShape shape, ulong seed)
    {
        WorkloadMix fill = new()
        {
            Reads = 2,
            Unmaps = 0,
            Flushes = 5,
            Durable = 0.3,
            MaximumBytes = 256 * 1024,
            AllowedFailures = [IoStatus.NoSpace],
        };
        using PoolWorld world = new(seed, shape, DiskBytes);
        world.Live(async loop =>
        {
            PoolSession session = await world.OpenAsync(loop);
            await session.CreateVolumeAsync("a", 512 * MiB, 4096, "off");
            await session.CreateVolumeAsync("b", 512 * MiB, 64 * 1024, "off");
            for (int round = 0; session.Drivers.Sum(driver => driver.Failures) < 50; round++)
            {
                Assert.InRange(round, 0, 400);
                await session.WorkAsync(fill, 100);
            }

            WorkloadMix churn = fill with { Unmaps = 30, MaximumBytes = 32 * 1024, LongUnmap = 0.02 };
            for (int round = 0; round < 20; round++) await session.WorkAsync(churn, 100);
            foreach (VolumeDriver driver in session.Drivers)
                await driver.UnmapAsync(churn, 0, (int)Math.Min(int.MaxValue, driver.Oracle.SizeBytes / 2));
            await session.CheckpointAsync([]);
            await session.CheckAsync(hasVictim: false);
            await session.ExportAsync();
        });
        world.Live(async loop =>
        {
            PoolSession session = await world.OpenAsync(loop);
            await session.SettleAsync(isAfterCrash: false);
            await session.CheckAsync(hasVictim: false);
            await session.ExportAsync();
        });
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
        using PoolWorld world = new(seed, shape, DiskBytes);
        bool isCrash = (seed + (ulong)shape.Name.Length) % 2 == 0;
        world.Live(async loop =>
        {
            PoolSession session = await world.OpenAsync(loop);
            // Larger than any of the pools.
            await session.CreateVolumeAsync("a", 512 * MiB, 128 * 1024, "off");
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
