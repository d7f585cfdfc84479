using Cstor.Engine.Host;
using Cstor.Engine.Pools;
using Cstor.Engine.Versions;
using Cstor.Engine.Volumes;
using Cstor.Tests.Simulation;
using Xunit;

namespace Cstor.Tests.Pools;

/// <summary>
/// What a volume reserves is there for it, whatever others do; what would break that is refused.
/// </summary>
public sealed class ReservationTests
{
    private const int MiB = 1 << 20;
    private const int Thick = 48 * MiB;

    [Theory]
    [InlineData(4096)]
    [InlineData(65536)]
    public void A_thick_volume_is_written_and_overwritten_in_a_pool_that_others_have_filled(int blockBytes)
    {
        using PoolFixture fixture = new(1);
        fixture.Run(async () =>
        {
            Pool pool = await fixture.CreateAsync();
            Volume thick = await ThickAsync(pool, blockBytes);
            Volume other = await PoolFixture.VolumeAsync(pool, blockBytes, sizeBytes: 1L << 30);
            Assert.Equal(IoStatus.NoSpace, await FillAsync(fixture, other, 1 << 30, 1));
            for (int round = 0; round < 3; round++)
            {
                Assert.Equal(IoStatus.Ok, await FillAsync(fixture, thick, Thick, 2 + round));
                // Whatever came back in between is not for the other one.
                Assert.Equal(IoStatus.NoSpace, await FillAsync(fixture, other, 1 << 30, 9));
            }

            Assert.Equal(IoStatus.Ok, await pool.CheckpointAsync());
            for (int at = 0; at < Thick; at += MiB)
                Assert.Equal(PoolFixture.Pattern(MiB, 4), await fixture.ReadAsync(thick, at, MiB));
            await PoolFixture.AssertCleanAsync(pool);
        });
    }

    [Fact]
    public void A_volume_without_a_reservation_may_find_no_space_where_a_thick_one_would()
    {
        using PoolFixture fixture = new(2);
        fixture.Run(async () =>
        {
            Pool pool = await fixture.CreateAsync();
            Volume thin = (await pool.CreateVolumeAsync("thin", Thick, 4096, [])).Value;
            Volume other = await PoolFixture.VolumeAsync(pool, sizeBytes: 1L << 30);
            Assert.Equal(IoStatus.NoSpace, await FillAsync(fixture, other, 1 << 30, 1));
            Assert.Equal(IoStatus.NoSpace, await FillAsync(fixture, thin, Thick, 2));
        });
    }

    [Fact]
    public void A_reservation_that_does_not_fit_is_refused_with_figures()
    {
        using PoolFixture fixture = new(3);
        fixture.Run(async () =>
        {
            Pool pool = await fixture.CreateAsync();
            Outcome<Volume> huge =
                await pool.CreateVolumeAsync("huge", 1L << 30, 4096, [new("reservation", "auto")]);
            Assert.Equal("reservation-too-large", huge.Fault!.Code);
            Assert.Contains("free beside other reservations", huge.Fault.Message, StringComparison.Ordinal);
            Assert.Null(pool.FindVolume("huge"));
            Volume first = await ThickAsync(pool, 4096);
            long free = pool.Status().FreeBytes;
            Assert.True(pool.Status().ReservedBytes > Thick);
            Outcome<Volume> second = await pool.CreateVolumeAsync(
                "second", 4096, 4096, [new("reservation", $"{free + (1 << 20)}")]);
            Assert.Equal("reservation-too-large", second.Fault?.Code);
            Outcome<Unit> larger = await pool.ResizeVolumeAsync("thick", 512L << 20);
            Assert.Equal("reservation-too-large", larger.Fault?.Code);
            Assert.Equal(Thick, first.SizeBytes);
            Assert.True((await pool.SetPropertyAsync("thick", "reservation", "none")).IsOk);
            Assert.Equal(0, pool.Status().ReservedBytes);
            Assert.True(pool.Status().FreeBytes > free + Thick);
            Assert.True((await pool.ResizeVolumeAsync("thick", 512L << 20)).IsOk);
        });
    }

    [Fact]
    public void A_snapshot_that_would_break_a_reservation_is_refused_until_there_is_room()
    {
        using PoolFixture fixture = new(4);
        fixture.Run(async () =>
        {
            Pool pool = await fixture.CreateAsync();
            Volume thick = await ThickAsync(pool, 4096);
            Volume other = await PoolFixture.VolumeAsync(pool, sizeBytes: 1L << 30);
            Assert.Equal(IoStatus.Ok, await FillAsync(fixture, thick, Thick, 1));
            Assert.Equal(IoStatus.Ok, await pool.CheckpointAsync());
            Assert.Equal(IoStatus.NoSpace, await FillAsync(fixture, other, 1 << 30, 2));
            Outcome<IReadOnlyList<Snapshot>> refused =
                await pool.SnapshotAsync(["thick"], "s");
            Assert.Equal("snapshot-breaks-reservation", refused.Fault?.Code);
            Assert.True((await pool.SnapshotAsync(["v"], "of-thin")).IsOk);
            Assert.True((await pool.DestroySnapshotAsync("v", "of-thin")).IsOk);
            Assert.Equal(IoStatus.Ok, await other.UnmapAsync(0, 1L << 30));
            for (int i = 0; i < 5; i++) Assert.Equal(IoStatus.Ok, await pool.CheckpointAsync());
            Assert.Null((await pool.SnapshotAsync(["thick"], "s")).Fault);
            Assert.Equal(IoStatus.NoSpace, await FillAsync(fixture, other, 1 << 30, 3));
            Assert.Equal(IoStatus.Ok, await FillAsync(fixture, thick, Thick, 4));
            Assert.Equal(PoolFixture.Pattern(MiB, 4), await fixture.ReadAsync(thick, 0, MiB));
            await PoolFixture.AssertCleanAsync(pool);
        });
    }

    [Fact]
    public void A_quota_ends_the_snapshots_of_a_volume_and_of_no_other()
    {
        using PoolFixture fixture = new(5);
        fixture.Run(async () =>
        {
            Pool pool = await fixture.CreateAsync();
            Volume volume = await PoolFixture.VolumeAsync(pool);
            Assert.True((await pool.CreateVolumeAsync("w", MiB, 4096, [])).IsOk);
            Assert.True((await pool.SetPropertyAsync("v", "snapshot-quota", "4M")).IsOk);
            for (int i = 0; i < 2; i++)
            {
                Assert.Equal(IoStatus.Ok, await FillAsync(fixture, volume, 6 * MiB, i));
                Assert.Null((await pool.SnapshotAsync(["v"], $"s{i}")).Fault);
            }

            Assert.Equal(IoStatus.Ok, await FillAsync(fixture, volume, 6 * MiB, 7));
            Assert.Equal(IoStatus.Ok, await pool.CheckpointAsync());
            Assert.Equal("snapshot-quota", (await pool.SnapshotAsync(["v", "w"], "s2")).Fault?.Code);
            Assert.Null((await pool.SnapshotAsync(["w"], "s2")).Fault);
            Assert.True((await pool.SetPropertyAsync("v", "snapshot-quota", "none")).IsOk);
            Assert.Null((await pool.SnapshotAsync(["v"], "s2")).Fault);
        });
    }

    [Fact]
    public void A_reservation_survives_a_crash_and_counts_from_the_first_write_on()
    {
        using PoolFixture fixture = new(6);
        long reserved = 0;
        fixture.Run(async () =>
        {
            Pool pool = await fixture.CreateAsync();
            Volume thick = await ThickAsync(pool, 4096);
            reserved = thick.Status().ReservationBytes;
            Assert.Equal(IoStatus.Ok, await FillAsync(fixture, thick, Thick / 2, 1));
            await thick.FlushAsync();
        });
        fixture.Crash(CrashMode.DropUnflushed);
        fixture.Run(async () =>
        {
            Pool pool = await fixture.ImportAsync();
            Volume thick = pool.FindVolume("thick")!;
            Assert.Equal(reserved, thick.Status().ReservationBytes);
            KeyValuePair<string, string> setting = new("reservation", "auto");
            Assert.Contains(setting, thick.Status().Properties);
            Volume other = await PoolFixture.VolumeAsync(pool, sizeBytes: 1L << 30);
            Assert.Equal(IoStatus.NoSpace, await FillAsync(fixture, other, 1 << 30, 1));
            Assert.Equal(IoStatus.Ok, await FillAsync(fixture, thick, Thick, 2));
        });
    }

    [Theory]
    [InlineData("reservation", "much")]
    [InlineData("reservation", "-1G")]
    [InlineData("snapshot-quota", "auto")]
    [InlineData("warn-at", "80")]
    [InlineData("warn-at", "100%")]
    public void Values_that_mean_nothing_are_refused(string property, string value)
    {
        using PoolFixture fixture = new(7);
        fixture.Run(async () =>
        {
            Pool pool = await fixture.CreateAsync();
            await PoolFixture.VolumeAsync(pool);
            Assert.Equal("bad-property", (await pool.SetPropertyAsync("v", property, value)).Fault?.Code);
        });
    }

    [Fact]
    public void Space_that_runs_short_is_said_once_and_again_after_it_was_clearly_enough()
    {
        using PoolFixture fixture = new(8);
        fixture.Run(async () =>
        {
            Pool pool = await fixture.CreateAsync();
            Volume volume = await PoolFixture.VolumeAsync(pool, sizeBytes: 1L << 30);
            Assert.True((await pool.SetPropertyAsync("v", "warn-at", "50%")).IsOk);
            for (int round = 1; round <= 2; round++)
            {
                Assert.Equal(round - 1, volume.SpaceWarnings);
                Assert.Equal("", pool.Status().Reason);
                Assert.Equal(IoStatus.Ok, await FillAsync(fixture, volume, 160 * MiB, round));
                await fixture.Loop.DelayAsync(3_000_000_000);
                Assert.Equal(round, volume.SpaceWarnings);
                Assert.Contains("warn-at", pool.Status().Reason, StringComparison.Ordinal);
                Assert.Equal("online", pool.Status().Health);
                // Around the threshold nothing is said again.
                Assert.Equal(IoStatus.Ok, await FillAsync(fixture, volume, 160 * MiB, round + 5));
                await fixture.Loop.DelayAsync(3_000_000_000);
                Assert.Equal(round, volume.SpaceWarnings);
                Assert.Equal(IoStatus.Ok, await volume.UnmapAsync(0, 1L << 30));
                Assert.Equal(IoStatus.Ok, await pool.CheckpointAsync());
                await fixture.Loop.DelayAsync(3_000_000_000);
            }
        });
    }

    private static async ValueTask<Volume> ThickAsync(Pool pool, int blockBytes)
    {
        Outcome<Volume> volume =
            await pool.CreateVolumeAsync("thick", Thick, blockBytes, [new("reservation", "auto")]);
        Assert.Null(volume.Fault);
        return volume.Value;
    }

    // In pieces of 1 MiB, until all is written or one is refused.
    private static async ValueTask<IoStatus> FillAsync(
        PoolFixture fixture, Volume volume, int bytes, int seed)
    {
        byte[] data = PoolFixture.Pattern(MiB, seed);
        IoStatus status = IoStatus.Ok;
        for (int at = 0; at < bytes && status == IoStatus.Ok; at += MiB)
            status = await fixture.WriteAsync(volume, at, data);
        return status;
    }
}
