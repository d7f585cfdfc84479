using Cstor.Engine.Host;
using Cstor.Engine.Pools;
using Cstor.Engine.Volumes;
using Cstor.Tests.Pools;
using Cstor.Tests.Simulation;
using Xunit;

namespace Cstor.Tests.Volumes;

/// <summary>Parts of blocks, from their write on until they are written back.</summary>
public sealed class WriteBackTests
{
    private const int BlockBytes = 16384;
    private const int Within = 3584;
    private static readonly byte[] Part = PoolFixture.Pattern(1024, 77);

    [Fact]
    public void A_part_is_acknowledged_and_seen_without_any_device()
    {
        using PoolFixture fixture = new(1);
        fixture.Run(async () =>
        {
            Volume volume = await PrepareAsync(fixture, await fixture.CreateAsync());
            long requests = 0;
            foreach (SimulatedDisk disk in fixture.Node.Disks.All)
                disk.Faults.Script = _ =>
                {
                    requests++;
                    return null;
                };
            Assert.Equal(IoStatus.Ok, await fixture.WriteAsync(volume, Within, Part));
            Assert.Equal(0, requests);
            Assert.Equal(Merged(), await fixture.ReadAsync(volume, 0, BlockBytes));
            Assert.Equal(1, volume.Parts.Count);
            await fixture.Loop.DelayAsync(1_000_000_000);
            Assert.Equal(0, volume.Parts.Count);
            Assert.Equal(Merged(), await fixture.ReadAsync(volume, 0, BlockBytes));
        });
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(3)]
    public void A_durable_part_that_is_not_written_back_yet_survives_checkpoints_and_crashes(int checkpoints)
    {
        using PoolFixture fixture = new(2);
        fixture.Run(async () =>
        {
            Pool pool = await fixture.CreateAsync();
            Volume volume = await PrepareAsync(fixture, pool);
            Assert.Equal(IoStatus.Ok, await fixture.WriteAsync(volume, Within, Part, durable: true));
            for (int i = 0; i < checkpoints; i++) Assert.Equal(IoStatus.Ok, await pool.CheckpointAsync());
            Assert.Equal(1, volume.Parts.Count);
        });
        fixture.Crash(CrashMode.DropUnflushed);
        // Once more, before the import has written it back.
        fixture.Run(async () =>
        {
            Volume volume = (await fixture.ImportAsync()).FindVolume("v")!;
            Assert.Equal(Merged(), await fixture.ReadAsync(volume, 0, BlockBytes));
            Assert.Equal(1, volume.Parts.Count);
        });
        fixture.Crash(CrashMode.DropUnflushed);
        fixture.Run(async () =>
        {
            Pool pool = await fixture.ImportAsync();
            await fixture.Loop.DelayAsync(1_000_000_000);
            Assert.Equal(0, pool.FindVolume("v")!.Parts.Count);
            Assert.Equal(Merged(), await fixture.ReadAsync(pool.FindVolume("v")!, 0, BlockBytes));
            Assert.Equal(IoStatus.Ok, await pool.CheckpointAsync());
            await PoolFixture.AssertCleanAsync(pool);
        });
    }

    [Fact]
    public void A_snapshot_has_the_parts_written_before_it_and_none_written_after()
    {
        using PoolFixture fixture = new(3);
        fixture.Run(async () =>
        {
            Pool pool = await fixture.CreateAsync();
            Volume volume = await PrepareAsync(fixture, pool);
            Assert.Equal(IoStatus.Ok, await fixture.WriteAsync(volume, Within, Part));
            Assert.Null((await pool.SnapshotAsync(["v"], "monday")).Fault);
            Assert.Equal(IoStatus.Ok, await fixture.WriteAsync(volume, 0, Part));
            Assert.Equal(1, volume.Parts.Count);
            Assert.Null((await pool.RollbackAsync("v", "monday", destroyNewer: false)).Fault);
            Assert.Equal(0, volume.Parts.Count);
            Assert.Equal(Merged(), await fixture.ReadAsync(volume, 0, BlockBytes));
        });
        fixture.Crash(CrashMode.DropUnflushed);
        fixture.Run(async () =>
        {
            Volume volume = (await fixture.ImportAsync()).FindVolume("v")!;
            Assert.Equal(Merged(), await fixture.ReadAsync(volume, 0, BlockBytes));
        });
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void What_replaces_the_whole_block_ends_its_parts(bool isUnmap)
    {
        using PoolFixture fixture = new(4);
        byte[] after = isUnmap ? new byte[BlockBytes] : PoolFixture.Pattern(BlockBytes, 5);
        fixture.Run(async () =>
        {
            Volume volume = await PrepareAsync(fixture, await fixture.CreateAsync());
            Assert.Equal(IoStatus.Ok, await fixture.WriteAsync(volume, Within, Part, durable: true));
            Assert.Equal(IoStatus.Ok, isUnmap
                ? await volume.UnmapAsync(0, BlockBytes) : await fixture.WriteAsync(volume, 0, after));
            Assert.Equal(0, volume.Parts.Count);
            Assert.Equal(after, await fixture.ReadAsync(volume, 0, BlockBytes));
            Assert.Equal(IoStatus.Ok, await volume.FlushAsync());
        });
        fixture.Crash(CrashMode.DropUnflushed);
        fixture.Run(async () =>
        {
            Volume volume = (await fixture.ImportAsync()).FindVolume("v")!;
            Assert.Equal(after, await fixture.ReadAsync(volume, 0, BlockBytes));
        });
    }

    [Fact]
    public void A_part_that_cannot_be_written_back_stays_until_it_can()
    {
        using PoolFixture fixture = new(5);
        fixture.Run(async () =>
        {
            Pool pool = await fixture.CreateAsync();
            Volume volume = await PrepareAsync(fixture, pool);
            foreach (SimulatedDisk disk in fixture.Node.Disks.All) disk.Faults.ReadError = 1;
            Assert.Equal(IoStatus.Ok, await fixture.WriteAsync(volume, Within, Part, durable: true));
            await fixture.Loop.DelayAsync(5_000_000_000);
            Assert.Equal(1, volume.Parts.Count);
            Assert.Equal("not-written-back", (await pool.SnapshotAsync(["v"], "monday")).Fault?.Code);
            foreach (SimulatedDisk disk in fixture.Node.Disks.All) disk.Faults.Clear();
            await fixture.Loop.DelayAsync(5_000_000_000);
            Assert.Equal(0, volume.Parts.Count);
            Assert.Equal(Merged(), await fixture.ReadAsync(volume, 0, BlockBytes));
            Assert.Equal(IoStatus.Ok, await pool.CloseAsync(exported: false));
            Assert.Equal(0, fixture.Loop.Buffers.RentedCount);
        });
    }

    // A volume whose first block is there, with nothing of it cached as data.
    private static async ValueTask<Volume> PrepareAsync(PoolFixture fixture, Pool pool)
    {
        Volume volume = await PoolFixture.VolumeAsync(pool, BlockBytes);
        Assert.Null((await pool.SetPropertyAsync("v", "cache", "metadata")).Fault);
        byte[] whole = PoolFixture.Pattern(BlockBytes, 1);
        Assert.Equal(IoStatus.Ok, await fixture.WriteAsync(volume, 0, whole, durable: false));
        return volume;
    }

    private static byte[] Merged()
    {
        byte[] merged = PoolFixture.Pattern(BlockBytes, 1);
        Part.CopyTo(merged, Within);
        return merged;
    }
}
