using Cstor.Engine.Caching;
using Cstor.Engine.Host;
using Cstor.Engine.Pools;
using Cstor.Engine.Volumes;
using Cstor.Tests.Pools;
using Cstor.Tests.Simulation;
using Xunit;

namespace Cstor.Tests.Volumes;

public sealed class ReadAheadTests
{
    private const int Block = PoolFixture.BlockBytes;
    private const int Piece = 128 * 1024;
    private const long Size = 8L << 20;

    [Theory]
    [InlineData("off", Piece)]
    [InlineData("lz4", Piece)]
    [InlineData("off", Block)]
    [InlineData("off", 3 * Block)]
    [InlineData("off", 512)]
    public void One_who_reads_in_order_finds_the_blocks_there_although_they_lie_scattered(
        string compression, int length)
    {
        using PoolFixture fixture = new(1);
        fixture.Run(async () =>
        {
            (Pool pool, Volume volume, byte[] contents) = await ScatterAsync(fixture, compression);
            int end = length < Block ? 1 << 20 : contents.Length;
            for (int at = 0; at + length <= end; at += length)
                Assert.Equal(contents[at..(at + length)], await fixture.ReadAsync(volume, at, length));
            CacheStatus cache = pool.Status().Cache!;
            long blocks = end / Block;
            Assert.InRange(cache.AheadUsed, blocks * 9 / 10, blocks);
            await EndAsync(fixture, cache.AheadUsed, pool);
        });
    }

    [Fact]
    public void Reading_ahead_takes_a_part_of_the_time()
    {
        using PoolFixture fixture = new(2);
        fixture.Run(async () =>
        {
            (Pool pool, Volume volume, byte[] contents) = await ScatterAsync(fixture, "off");
            Assert.Null((await pool.SetPropertyAsync("v", "cache", "none")).Fault);
            long without = await TimeAsync(fixture, volume, contents.Length);
            Assert.Equal(0, pool.Status().Cache!.AheadRead);
            Assert.Null((await pool.SetPropertyAsync("v", "cache", "metadata")).Fault);
            long with = await TimeAsync(fixture, volume, contents.Length);
            Assert.True(with < without / 2, $"{with} ns ahead, {without} ns as asked");
        });
    }

    [Fact]
    public void Nothing_is_read_ahead_of_random_reads()
    {
        using PoolFixture fixture = new(3);
        fixture.Run(async () =>
        {
            (Pool pool, Volume volume, _) = await ScatterAsync(fixture, "off");
            SimulatedRandom random = new(7);
            // No two of them adjoin.
            for (int i = 0; i < 500; i++)
                await fixture.ReadAsync(volume, random.Below((int)(Size / Block / 2)) * 2L * Block, Block);
            Assert.Equal(0, pool.Status().Cache!.AheadRead);
        });
    }

    [Fact]
    public void Several_readers_are_read_ahead_of_at_once()
    {
        using PoolFixture fixture = new(4);
        fixture.Run(async () =>
        {
            (Pool pool, Volume volume, byte[] contents) = await ScatterAsync(fixture, "off");
            SimulatedRandom random = new(7);
            for (int step = 0; step < 32; step++)
            {
                for (int reader = 0; reader < 4; reader++)
                {
                    int at = (reader * (int)(Size / 4)) + (step * 16 * Block);
                    byte[] read = await fixture.ReadAsync(volume, at, 16 * Block);
                    Assert.Equal(contents[at..(at + (16 * Block))], read);
                    await fixture.ReadAsync(volume, random.Below((int)(Size / Block)) * (long)Block, Block);
                }
            }

            Assert.InRange(pool.Status().Cache!.AheadUsed, 1500, 2048);
        });
    }

    [Fact]
    public void What_was_overwritten_after_it_was_read_ahead_is_read_as_it_is_now()
    {
        using PoolFixture fixture = new(5);
        fixture.Run(async () =>
        {
            (Pool pool, Volume volume, byte[] contents) = await ScatterAsync(fixture, "off");
            SimulatedRandom random = new(9);
            for (int at = 0; at < contents.Length; at += Piece)
            {
                byte[] fresh = PoolFixture.Pattern(Block, at + 5);
                int near = Math.Min(at + (random.Below(100) * Block), contents.Length - Block);
                fresh.CopyTo(contents, near);
                Task<IoStatus> write = fixture.WriteAsync(volume, near, fresh).AsTask();
                if (random.Coin()) Assert.Equal(IoStatus.Ok, await write);
                if (random.Coin()) await pool.CheckpointAsync();
                Assert.Equal(IoStatus.Ok, await write);
                Assert.Equal(contents[at..(at + Piece)], await fixture.ReadAsync(volume, at, Piece));
            }
        });
    }

    [Fact]
    public void A_device_that_hangs_while_it_is_read_ahead_spoils_nothing()
    {
        using PoolFixture fixture = new(6, isMirror: true);
        fixture.Run(async () =>
        {
            (Pool pool, Volume volume, byte[] contents) = await ScatterAsync(fixture, "off");
            for (int at = 0; at < contents.Length; at += Piece)
            {
                if (at == 8 * Piece) fixture.Node.Disks["/dev/a"].Hang();
                if (at == 40 * Piece) fixture.Node.Disks["/dev/a"].EndHang();
                byte[] read = new byte[Piece];
                IoStatus status = IoStatus.DeviceTimeout;
                for (int i = 0; i < 4 && status == IoStatus.DeviceTimeout; i++)
                {
                    IoBuffer buffer = fixture.Loop.Buffers.Rent(Piece);
                    status = await volume.ReadAsync(at, buffer.First(Piece));
                    buffer.Span[..Piece].CopyTo(read);
                    buffer.Release();
                }

                Assert.Equal(IoStatus.Ok, status);
                Assert.Equal(contents[at..(at + Piece)], read);
            }

            await fixture.Loop.DelayAsync(5_000_000_000);
            Assert.Equal(0, fixture.Loop.Buffers.StuckBytes);
            await EndAsync(fixture, 1, pool);
        });
    }

    // Every block written by itself, in random order.
    private static async ValueTask<(Pool Pool, Volume Volume, byte[] Contents)> ScatterAsync(
        PoolFixture fixture, string compression)
    {
        Pool pool = await fixture.CreateAsync();
        Volume volume = await PoolFixture.VolumeAsync(pool, Block, compression, Size);
        byte[] contents = new byte[Size];
        new SimulatedRandom(11).Fill(contents);
        int[] order = [.. Enumerable.Range(0, (int)(Size / Block))];
        SimulatedRandom random = new(13);
        for (int i = order.Length - 1; i > 0; i--)
        {
            int other = random.Below(i + 1);
            (order[i], order[other]) = (order[other], order[i]);
        }

        foreach (int block in order)
        {
            byte[] bytes = contents[(block * Block)..((block + 1) * Block)];
            Assert.Equal(IoStatus.Ok, await fixture.WriteAsync(volume, block * (long)Block, bytes));
        }

        Assert.Equal(IoStatus.Ok, await pool.CheckpointAsync());
        return (pool, volume, contents);
    }

    private static async ValueTask<long> TimeAsync(PoolFixture fixture, Volume volume, int bytes)
    {
        long start = fixture.Loop.NowNanoseconds;
        for (int at = 0; at < bytes; at += Piece) await fixture.ReadAsync(volume, at, Piece);
        return fixture.Loop.NowNanoseconds - start;
    }

    // A reader that does not go on leaves nothing behind after a while.
    private static async ValueTask EndAsync(PoolFixture fixture, long used, Pool pool)
    {
        Assert.True(used > 0);
        await fixture.Loop.DelayAsync(5_000_000_000);
        Assert.Equal(IoStatus.Ok, await pool.CloseAsync(exported: true));
        Assert.Equal(0, fixture.Loop.Buffers.RentedCount);
    }
}
