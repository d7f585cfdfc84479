using Cstor.Engine.Host;
using Cstor.Engine.Pools;
using Cstor.Engine.Volumes;
using Cstor.Tests.Pools;
using Cstor.Tests.Simulation;
using Xunit;

namespace Cstor.Tests.Volumes;

public sealed class ExtentFinderTests
{
    private const int BlockBytes = 4096;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void What_is_stored_is_told_at_every_stage_of_its_way_to_the_tree(ulong seed)
    {
        using PoolFixture fixture = new(seed);
        SimulatedRandom random = SimulatedRandom.For(seed, "extents");
        fixture.Run(async () =>
        {
            Pool pool = await fixture.CreateAsync();
            Volume volume = await PoolFixture.VolumeAsync(pool);
            bool[] stored = new bool[volume.SizeBytes / BlockBytes];
            for (int step = 0; step < 60; step++)
            {
                int count = 1 + random.Below(100);
                int first = random.Below(stored.Length - count);
                bool isWrite = random.Below(3) > 0;
                IoStatus status = isWrite
                    ? await fixture.WriteAsync(
                        volume, first * BlockBytes, PoolFixture.Pattern(count * BlockBytes, 3))
                    : await volume.UnmapAsync((long)first * BlockBytes, (long)count * BlockBytes);
                Assert.Equal(IoStatus.Ok, status);
                stored.AsSpan(first, count).Fill(isWrite);
                if (step % 5 == 4) await AssertSameAsync(volume, stored);
                if (step % 20 == 10) Assert.Equal(IoStatus.Ok, await pool.CheckpointAsync());
            }
        });
    }

    [Fact]
    public void A_part_of_a_block_that_waits_in_memory_counts_as_stored()
    {
        using PoolFixture fixture = new(4);
        fixture.Run(async () =>
        {
            Pool pool = await fixture.CreateAsync();
            Volume volume = await PoolFixture.VolumeAsync(pool, 16384);
            byte[] part = PoolFixture.Pattern(512, 1);
            Assert.Equal(IoStatus.Ok, await fixture.WriteAsync(volume, 16384 + 512, part));
            Assert.Equal(new VolumeExtent(IoStatus.Ok, 16384, true),
                await volume.FindExtentAsync(0, volume.SizeBytes));
            Assert.Equal(new VolumeExtent(IoStatus.Ok, 512, false),
                await volume.FindExtentAsync(32768 - 512, volume.SizeBytes - 32768 + 512));
            Assert.Equal(new VolumeExtent(IoStatus.Ok, 1024, true),
                await volume.FindExtentAsync(512, 1024));
        });
    }

    [Fact]
    public void A_large_hole_is_found_with_one_look()
    {
        using PoolFixture fixture = new(5);
        fixture.Run(async () =>
        {
            Pool pool = await fixture.CreateAsync();
            Volume volume = await PoolFixture.VolumeAsync(pool, sizeBytes: 1L << 44);
            const long far = 1L << 43;
            byte[] block = PoolFixture.Pattern(BlockBytes, 1);
            Assert.Equal(IoStatus.Ok, await fixture.WriteAsync(volume, far, block));
            Assert.Equal(IoStatus.Ok, await pool.CheckpointAsync());
            VolumeExtent hole = await volume.FindExtentAsync(0, far);
            Assert.True(hole is { IsHole: true, LengthBytes: > 1L << 40 }, hole.ToString());
            Assert.Equal(new VolumeExtent(IoStatus.Ok, BlockBytes, false),
                await volume.FindExtentAsync(far, BlockBytes * 100));
            Assert.Equal(IoStatus.OutOfRange, (await volume.FindExtentAsync(far, 1L << 44)).Status);
        });
    }

    [Fact]
    public void Reservations_are_kept_with_the_volume_through_a_crash_and_shown_to_nobody()
    {
        using PoolFixture fixture = new(6);
        fixture.Run(async () =>
        {
            Pool pool = await fixture.CreateAsync();
            Volume volume = await PoolFixture.VolumeAsync(pool);
            int room = volume.ReservationsMaximumBytes;
            Assert.Equal(IoStatus.NoSpace, await volume.SaveReservationsAsync(new string('x', room + 1)));
            Assert.Equal(IoStatus.Ok, await volume.SaveReservationsAsync(new string('x', room)));
            Assert.Equal(IoStatus.Ok, await volume.SaveReservationsAsync("1 0 abc@iqn.x,i,0x1"));
            Assert.Equal(room, volume.ReservationsMaximumBytes);
            Assert.DoesNotContain(volume.Status().Properties, pair => pair.Value.Contains("iqn.x"));
        });
        fixture.Crash(CrashMode.DropUnflushed);
        fixture.Run(async () =>
        {
            Pool pool = await fixture.ImportAsync();
            Volume volume = Assert.Single(pool.Volumes);
            Assert.Equal("1 0 abc@iqn.x,i,0x1", volume.Reservations);
            Assert.Equal(IoStatus.Ok, await volume.SaveReservationsAsync(""));
            Assert.Equal("", volume.Reservations);
        });
    }

    private static async ValueTask AssertSameAsync(Volume volume, bool[] stored)
    {
        for (int block = 0; block < stored.Length;)
        {
            long offset = (long)block * BlockBytes;
            VolumeExtent extent = await volume.FindExtentAsync(offset, volume.SizeBytes - offset);
            Assert.True(extent is { Status: IoStatus.Ok, LengthBytes: > 0 }, extent.ToString());
            int end = block + (int)(extent.LengthBytes / BlockBytes);
            for (; block < end; block++) Assert.Equal(stored[block], !extent.IsHole);
        }
    }
}
