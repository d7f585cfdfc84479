using Cstor.Engine.Host;
using Cstor.Engine.Pools;
using Cstor.Engine.Volumes;
using Cstor.Tests.Pools;
using Cstor.Tests.Simulation;
using Xunit;

namespace Cstor.Tests.Versions;

public sealed class PoolSpaceTests
{
    private const int Megabyte = 1 << 20;

    [Fact]
    public void What_a_destroyed_snapshot_gives_back_is_announced_and_then_comes()
    {
        using PoolFixture fixture = new(31);
        fixture.Run(async () =>
        {
            Pool pool = await SnapshottedAsync(fixture);
            Assert.Empty(pool.Status().Data.Destroying);
            Assert.True((await pool.DestroySnapshotAsync("v", "one")).IsOk);
            DataStatus data = pool.Status().Data;
            Assert.Equal("tank/v@one", Assert.Single(data.Destroying).Name);
            // 4 of the 16 were overwritten: what the volume still has is not announced.
            Assert.InRange(data.FreeingBytes, 4 * Megabyte, 5 * Megabyte);
            Assert.InRange(data.LogicalBytes, 16 * Megabyte, 16 * Megabyte);
            long before = pool.Status().AllocatedBytes;
            await fixture.Loop.DelayAsync(5_000_000_000);
            Assert.Empty(pool.Status().Data.Destroying);
            Assert.Equal(0, pool.Status().Data.FreeingBytes);
            Assert.InRange(before - pool.Status().AllocatedBytes, 4 * Megabyte, 6 * Megabyte);
        });
    }

    [Fact]
    public void A_destroyed_line_announces_all_of_it_also_after_a_restart()
    {
        using PoolFixture fixture = new(32);
        fixture.Run(async () =>
        {
            Pool pool = await SnapshottedAsync(fixture);
            Assert.True((await pool.DestroyVolumeAsync("v", withSnapshots: true)).IsOk);
        });
        fixture.Crash(CrashMode.DropUnflushed);
        fixture.Run(async () =>
        {
            Pool pool = await fixture.ImportAsync(readOnly: true);
            DataStatus data = pool.Status().Data;
            Assert.Equal(["tank/v", "tank/v@one"], data.Destroying.Select(one => one.Name).Order());
            Assert.InRange(data.FreeingBytes, 20 * Megabyte, 21 * Megabyte);
            Assert.Equal(0, data.LogicalBytes);
        });
    }

    private static async ValueTask<Pool> SnapshottedAsync(PoolFixture fixture)
    {
        Pool pool = await fixture.CreateAsync();
        Volume volume = await PoolFixture.VolumeAsync(pool);
        for (int i = 0; i < 16; i++)
        {
            Assert.Equal(IoStatus.Ok, await fixture.WriteAsync(
                volume, i * (long)Megabyte, PoolFixture.Pattern(Megabyte, i + 1)));
        }

        Assert.True((await pool.SnapshotAsync(["v"], "one")).IsOk);
        for (int i = 0; i < 4; i++)
        {
            Assert.Equal(IoStatus.Ok, await fixture.WriteAsync(
                volume, i * (long)Megabyte, PoolFixture.Pattern(Megabyte, i + 50)));
        }

        Assert.Equal(IoStatus.Ok, await pool.CheckpointAsync());
        return pool;
    }
}
