// Random writes, unmaps, snapshots, clones, promotions, rollbacks, destructions, renames and resizes, over
// crashes at any write and imports, against a model: contents, accounting and the whole-pool check agree.
using Cstor.Tests.Simulation.Pools;
using Cstor.Tests.Simulation.Workloads;
using Xunit;

namespace Cstor.Tests.Simulation.Versions;

[Trait("Category", "Simulation")]
public sealed class VersionHistoryTests
{
    private const int SeedsByDefault = 100;

    [Fact]
    public void Every_version_is_what_the_model_says_whatever_happens()
    {
        List<string> failures = [];
        foreach (ulong seed in SeedRange.Of(SeedsByDefault))
        {
            if (Record.Exception(() => Live(seed)) is not { } failure) continue;
            failures.Add($"CSTOR_SEED={seed}: {failure.Message}");
            if (failures.Count == 5) break;
        }

        Assert.True(failures.Count == 0, string.Join("\n\n", failures));
    }

    private static void Live(ulong seed)
    {
        SimulatedRandom random = SimulatedRandom.For(seed, "versions");
        PoolShape shape = random.Coin() ? PoolShape.Single : PoolShape.All[random.Below(PoolShape.All.Count)];
        using PoolWorld world = new(seed, shape);
        world.Options = world.Options with
        {
            PendingLimit = random.Coin() ? 20 : 100_000,
            CheckpointInterval = TimeSpan.FromMilliseconds(random.Coin() ? 20 : 20_000),
        };
        VersionHistory history = new();
        int lives = random.Between(1, 4);
        for (int life = 0; life <= lives; life++)
        {
            bool isLast = life == lives;
            world.Node.CancelCrash();
            if (!isLast && world.IsCreated && random.Chance(0.8))
            {
                long boundary = world.Node.WriteBoundaryCount + random.Below(1200);
                world.Node.CrashAtWrite(boundary, random.Coin(), (CrashMode)random.Below(6));
            }

            world.Log.Note($"life {life} on {shape.Name}");
            world.Live(loop => LiveOnceAsync(world, loop, random, history, isLast));
        }
    }

    private static async ValueTask LiveOnceAsync(
        PoolWorld world, SimulatedLoop loop, SimulatedRandom random, VersionHistory history, bool isLast)
    {
        bool isNew = !world.IsCreated;
        PoolSession session = await world.OpenAsync(loop);
        VersionSession versions = new(loop, session.Pool, random, history, world.Log.Note);
        if (!isNew) await versions.SettleAsync();
        int rounds = random.Between(1, 5);
        for (int round = 0; round < rounds; round++)
        {
            int acts = random.Between(5, 40);
            for (int act = 0; act < acts; act++) await versions.ActAsync();
            await versions.VerifyAsync();
        }

        if (isLast)
        {
            await versions.DrainAsync();
            await versions.VerifyAsync();
        }

        await session.ExportAsync();
    }
}
