using Cstor.Engine.Caching;
using Cstor.Engine.Host;
using Cstor.Engine.Pools;
using Cstor.Engine.Volumes;
using Cstor.Tests.Pools;
using Cstor.Tests.Simulation;
using Xunit;

namespace Cstor.Tests.Volumes;

/// <summary>What of a volume is in the read cache, and what that saves.</summary>
public sealed class VolumeCacheTests
{
    private const int Block = PoolFixture.BlockBytes;
    private const int Count = 16;

    [Theory]
    [InlineData("off")]
    [InlineData("lz4")]
    public void What_was_read_once_is_read_again_at_once_and_without_a_device(string compression)
    {
        using PoolFixture fixture = new(1);
        fixture.Run(async () =>
        {
            Pool pool = await fixture.CreateAsync();
            Volume volume = await PoolFixture.VolumeAsync(pool, compression: compression);
            byte[] contents = new byte[Count * Block];
            for (int i = 0; i < contents.Length; i++) contents[i] = (byte)(i % 97);
            Assert.Equal(IoStatus.Ok, await fixture.WriteAsync(volume, 0, contents));
            Assert.Equal(contents, await fixture.ReadAsync(volume, 0, contents.Length));
            foreach (SimulatedDisk disk in fixture.Node.Disks.All) disk.Faults.IsDead = true;
            IoBuffer buffer = fixture.Loop.Buffers.Rent(contents.Length);
            ValueTask<IoStatus> again = volume.ReadAsync(0, buffer.First(contents.Length));
            Assert.True(again.IsCompleted);
            Assert.Equal(IoStatus.Ok, await again);
            Assert.True(buffer.Span[..contents.Length].SequenceEqual(contents));
            buffer.Release();
            CacheStatus cache = pool.Status().Cache!;
            Assert.Equal((Count, Count), (cache.DataHits, cache.DataMisses));
        });
    }

    [Theory]
    [InlineData("all", Count)]
    [InlineData("metadata", 0)]
    [InlineData("none", 0)]
    public void The_policy_says_what_is_kept(string policy, int hits)
    {
        using PoolFixture fixture = new(2);
        fixture.Run(async () =>
        {
            Pool pool = await fixture.CreateAsync();
            Volume volume = await PoolFixture.VolumeAsync(pool);
            Assert.Null((await pool.SetPropertyAsync("v", "cache", policy)).Fault);
            Assert.Contains(new("cache", policy), volume.Status().Properties);
            byte[] contents = PoolFixture.Pattern(Count * Block, 1);
            Assert.Equal(IoStatus.Ok, await fixture.WriteAsync(volume, 0, contents));
            Assert.Equal(IoStatus.Ok, await pool.CheckpointAsync());
            for (int i = 0; i < 2; i++)
                Assert.Equal(contents, await fixture.ReadAsync(volume, 0, contents.Length));
            CacheStatus cache = pool.Status().Cache!;
            Assert.Equal(hits, cache.DataHits);
            Assert.Equal(hits * Block, cache.DataBytes);
            Assert.True(cache.NodeBytes > 0);
            Assert.Equal("bad-property", (await pool.SetPropertyAsync("v", "cache", "some")).Fault!.Code);
        });
    }

    [Fact]
    public void A_read_that_a_hung_device_answers_late_leaves_nothing_in_the_cache()
    {
        using PoolFixture fixture = new(3);
        fixture.Run(async () =>
        {
            Pool pool = await fixture.CreateAsync();
            Volume volume = await PoolFixture.VolumeAsync(pool);
            byte[] contents = PoolFixture.Pattern(Count * Block, 1);
            Assert.Equal(IoStatus.Ok, await fixture.WriteAsync(volume, 0, contents));
            foreach (SimulatedDisk disk in fixture.Node.Disks.All) disk.Hang();
            IoBuffer buffer = fixture.Loop.Buffers.Rent(contents.Length);
            Assert.Equal(
                IoStatus.DeviceTimeout, await volume.ReadAsync(0, buffer.First(contents.Length)));
            Assert.Equal(0, pool.Status().Cache!.DataBytes);
            foreach (SimulatedDisk disk in fixture.Node.Disks.All) disk.EndHang();
            await fixture.Loop.DelayAsync(1_000_000_000);
            Assert.Equal(0, pool.Status().Cache!.DataBytes);
            buffer.Release();
            Assert.Equal(contents, await fixture.ReadAsync(volume, 0, contents.Length));
        });
    }
}
