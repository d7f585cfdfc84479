using Cstor.Engine.Checking;
using Cstor.Engine.Host;
using Cstor.Engine.Pools;
using Cstor.Engine.Versions;
using Cstor.Engine.Volumes;
using Cstor.Tests.Pools;
using Xunit;

namespace Cstor.Tests.Versions;

/// <summary>The whole-pool check finds what a mistake in the versions' accounts or links would do.</summary>
public sealed class VersionCheckerTests
{
    [Fact]
    public void A_wrong_account_of_dropped_space_is_found() => Plant(
        static (volume, _) => volume.Record.DroppedSectors++, "sectors of its own", "sectors dropped");

    [Fact]
    public void Freeing_what_a_snapshot_still_holds_is_found() => Plant(
        static (volume, _) => volume.Previous = null, "has two owners");

    [Fact]
    public void A_version_behind_the_wrong_one_is_found() => Plant(
        static (volume, other) => volume.Previous = other, "but the version before has another");

    // One of two volumes has a snapshot and is written to after the fault is planted.
    private static void Plant(Action<Volume, Snapshot> fault, params string[] found)
    {
        using PoolFixture fixture = new(71);
        fixture.Run(async () =>
        {
            Pool pool = await fixture.CreateAsync();
            Volume volume = Value(await pool.CreateVolumeAsync("a", 1 << 20, PoolFixture.BlockBytes, []));
            Volume second = Value(await pool.CreateVolumeAsync("b", 1 << 20, PoolFixture.BlockBytes, []));
            await WriteAsync(fixture, volume, 16);
            await WriteAsync(fixture, second, 16);
            Snapshot[] taken = [.. Value(await pool.SnapshotAsync(["a", "b"], "s"))];
            await WriteAsync(fixture, volume, 8);
            CheckReport clean = await PoolChecker.CheckAsync(pool);
            Assert.True(clean.IsClean, clean.ToString());
            fault(volume, taken[1]);
            volume.IsDirty = true;
            for (int i = 0; i < 3; i++)
            {
                await WriteAsync(fixture, volume, 12);
                Assert.Equal(IoStatus.Ok, await pool.CheckpointAsync());
            }

            CheckReport report = await PoolChecker.CheckAsync(pool);
            foreach (string problem in found)
                Assert.Contains(
                    report.Problems, text => text.Contains(problem, StringComparison.Ordinal));
            await pool.CloseAsync(exported: true);
        });
    }

    private static async ValueTask WriteAsync(PoolFixture fixture, Volume volume, int blocks)
    {
        IoBuffer buffer = fixture.Loop.Buffers.Rent(blocks * PoolFixture.BlockBytes);
        fixture.Loop.FillRandom(buffer.Span);
        Assert.Equal(
            IoStatus.Ok, await volume.WriteAsync(0, buffer.First(blocks * PoolFixture.BlockBytes), false));
        buffer.Release();
    }

    private static T Value<T>(Outcome<T> outcome)
    {
        Assert.Null(outcome.Fault);
        return outcome.Value;
    }
}
