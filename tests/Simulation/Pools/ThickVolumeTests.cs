using Cstor.Engine.Host;
using Cstor.Engine.Pools;
using Cstor.Engine.Space;
using Cstor.Tests.Simulation.Workloads;
using Xunit;

namespace Cstor.Tests.Simulation.Pools;

/// <summary>
/// What is reserved is there on every shape of pool: while another volume takes all it can get, a thick one
/// takes any write, and after a crash it does so again.
/// </summary>
[Trait("Category", "Simulation")]
public sealed class ThickVolumeTests
{
    private const int MiB = 1024 * 1024;
    private const long DiskBytes = 64 * MiB;

    private static readonly WorkloadMix Greedy = new()
    {
        Reads = 5,
        Unmaps = 1,
        Flushes = 2,
        Durable = 0.05,
        MaximumBytes = MiB,
        AllowedFailures = [IoStatus.NoSpace],
    };

    /// <summary>Names of <see cref="PoolShape.All"/>.</summary>
    public static TheoryData<string> Shapes => [.. PoolShape.All.Select(shape => shape.Name)];

    [Theory]
    [MemberData(nameof(Shapes))]
    public void A_thick_volume_takes_every_write_in_a_full_pool(string name)
    {
        PoolShape shape = PoolShape.All.Single(shape => shape.Name == name);
        foreach (ulong seed in SeedRange.Of(1)) Live(shape, seed);
    }

    private static void Live(PoolShape shape, ulong seed)
    {
        using PoolWorld world = new(seed, shape, DiskBytes);
        bool isSmall = seed % 2 == 0;
        world.Live(async loop =>
        {
            PoolSession session = await world.OpenAsync(loop);
            await session.CreateVolumeAsync("thick", 6 * MiB, isSmall ? 4096 : 16384, "off");
            await session.SetPropertyAsync(session.Drivers[0], "reservation", "auto");
            await session.CreateVolumeAsync("greedy", 512 * MiB, isSmall ? 16384 : 65536, "off");
            await CrowdAsync(world, session, loop);
            if (seed % 3 == 0) await session.CheckpointAsync([]);
            world.Node.Crash(CrashMode.Random);
        });
        world.Model.Crash();
        world.Live(async loop =>
        {
            PoolSession session = await world.OpenAsync(loop);
            await session.SettleAsync(isAfterCrash: true);
            await CrowdAsync(world, session, loop);
            await session.CheckAsync(hasVictim: false);
            await session.ExportAsync();
        });
    }

    private static string Describe(Pool pool)
    {
        SpaceAllocator space = pool.Core.Allocator;
        string vdevs = string.Join(", ", Enumerable.Range(0, space.VdevCount).Select(vdev =>
            $"{space.Vdev(vdev).OpenFreeSectors} + {space.Vdev(vdev).ZoneFreeSectors}"
                + $" of zone {space.Vdev(vdev).ZoneSectors}"));
        return $"free for data {space.FreeForDataSectors}, guaranteed {space.GuaranteedSectors}, "
            + $"claimed {space.ClaimedForMetadataSectors}, room {space.RoomForMetadataSectors}, "
            + $"awaiting {pool.Core.Ledger.AwaitingSectors}; vdevs {vdevs}";
    }

    private static async ValueTask CrowdAsync(PoolWorld world, PoolSession session, SimulatedLoop loop)
    {
        VolumeDriver thick = session.Drivers.Single(driver => driver.Oracle.SizeBytes == 6 * MiB);
        VolumeDriver greedy = session.Drivers.Single(driver => driver != thick);
        for (int round = 0; greedy.Failures < 50; round++)
        {
            Assert.InRange(round, 0, 200);
            await Workload.RunAsync(loop, [greedy], world.Random, Greedy, 60);
        }

        WorkloadMix moderate = Greedy with { MaximumBytes = 256 * 1024 };
        Task crowd = Workload.RunAsync(loop, [greedy], world.Random, Greedy, 100).AsTask();
        for (int round = 0; round < 3; round++)
            for (int at = 0; at < 6 * MiB; at += 256 * 1024)
            {
                await thick.WriteAsync(moderate, at, 256 * 1024, isDurable: false);
                Assert.True(thick.Failures == 0, Describe(session.Pool));
            }

        await Workload.RunAsync(loop, [thick], world.Random, moderate, 100);
        await crowd;
        Assert.True(thick.Failures == 0, Describe(session.Pool));
    }
}
