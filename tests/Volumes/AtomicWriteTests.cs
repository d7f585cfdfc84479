using Cstor.Engine.Host;
using Cstor.Engine.Pools;
using Cstor.Engine.Volumes;
using Cstor.Tests.Pools;
using Cstor.Tests.Simulation;
using Xunit;

namespace Cstor.Tests.Volumes;

/// <summary>Blocks written together are seen together, whenever one looks.</summary>
public sealed class AtomicWriteTests
{
    private const int AtomicBytes = 131072;

    [Theory]
    [InlineData(1, 4096, "off", CrashMode.Random)]
    [InlineData(2, 4096, "lz4", CrashMode.Random)]
    [InlineData(3, 16384, "zstd", CrashMode.Random)]
    [InlineData(4, 4096, "off", CrashMode.DropUnflushed)]
    [InlineData(5, 16384, "off", CrashMode.KeepEverything)]
    [InlineData(6, 131072, "lz4", CrashMode.Random)]
    public void After_a_crash_each_write_is_whole_or_not_there(
        ulong seed, int blockBytes, string compression, CrashMode crash)
    {
        for (ulong round = 0; round < 8; round++)
        {
            using PoolFixture fixture = new(seed * 100 + round);
            SimulatedRandom random = SimulatedRandom.For(seed * 100 + round, "atomic");
            long lifetime = 2_000_000 + random.Below(30_000_000);
            fixture.Run(
                async () =>
                {
                    Pool pool = await fixture.CreateAsync();
                    Volume volume = await PoolFixture.VolumeAsync(pool, blockBytes, compression, 1 << 20);
                    Assert.Equal(IoStatus.Ok, await volume.FlushAsync());
                    Task[] writers = [.. Enumerable.Range(0, 4).Select(
                        place => WriteAllAsync(fixture, volume, place).AsTask())];
                    await fixture.Loop.DelayAsync(lifetime);
                    fixture.Node.Crash(crash);
                    await Task.WhenAll(writers);
                },
                mayCrash: true);
            fixture.Crash(crash);
            fixture.Run(async () =>
            {
                Pool pool = await fixture.ImportAsync();
                Volume volume = Assert.Single(pool.Volumes);
                for (int place = 0; place < 4; place++)
                    AssertWhole(await fixture.ReadAsync(volume, place * AtomicBytes, AtomicBytes));
                await PoolFixture.AssertCleanAsync(pool);
            });
        }
    }

    [Theory]
    [InlineData(11, "off")]
    [InlineData(12, "lz4")]
    public void Readers_see_each_write_whole_while_checkpoints_go_on(ulong seed, string compression)
    {
        using PoolFixture fixture = new(seed);
        fixture.Run(async () =>
        {
            Pool pool = await fixture.CreateAsync();
            Volume volume = await PoolFixture.VolumeAsync(pool, 4096, compression);
            bool ends = false;
            int seen = 0;
            Task reader = ReadOnAsync();
            for (int i = 0; i < 150; i++)
            {
                Assert.Equal(IoStatus.Ok, await WriteAsync(fixture, volume, 0, i));
                if (i % 25 == 24) Assert.Equal(IoStatus.Ok, await pool.CheckpointAsync());
            }

            ends = true;
            await reader;
            Assert.True(seen > 5, $"{seen} states were seen");
            await PoolFixture.AssertCleanAsync(pool);

            async Task ReadOnAsync()
            {
                byte[] last = [];
                while (!ends)
                {
                    byte[] read = await fixture.ReadAsync(volume, 0, AtomicBytes);
                    AssertWhole(read);
                    if (!read.AsSpan().SequenceEqual(last)) seen++;
                    last = read;
                    await fixture.Loop.DelayAsync(20_000);
                }
            }
        });
    }

    [Fact]
    public void What_is_no_whole_blocks_or_too_long_is_refused_and_a_full_pool_leaves_the_old()
    {
        using PoolFixture fixture = new(21, 64L << 20);
        fixture.Run(async () =>
        {
            Pool pool = await fixture.CreateAsync();
            Volume volume = await PoolFixture.VolumeAsync(pool, sizeBytes: 512L << 20);
            Assert.Equal(AtomicBytes, volume.AtomicBytes);
            foreach ((long offset, int length) in new[] { (512L, 4096), (0L, 512), (0L, AtomicBytes + 4096) })
            {
                IoStatus refused = await AtomicAsync(fixture, volume, offset, new byte[length]);
                Assert.Equal(IoStatus.OutOfRange, refused);
            }

            Assert.Equal(IoStatus.Ok, await WriteAsync(fixture, volume, 0, 1));
            byte[] before = await fixture.ReadAsync(volume, 0, AtomicBytes);
            IoStatus status = IoStatus.Ok;
            for (long at = 1 << 20; status == IoStatus.Ok; at += 1 << 20)
                status = await fixture.WriteAsync(volume, at, PoolFixture.Pattern(1 << 20, 5));
            for (int i = 0; i < 200 && status == IoStatus.Ok; i++)
                status = await WriteAsync(fixture, volume, 0, i);
            Assert.Equal(IoStatus.NoSpace, status);
            byte[] after = await fixture.ReadAsync(volume, 0, AtomicBytes);
            AssertWhole(after);
            Assert.Equal(before, after);
            await PoolFixture.AssertCleanAsync(pool);
        });
    }

    private static async ValueTask WriteAllAsync(PoolFixture fixture, Volume volume, int place)
    {
        for (int i = 0; fixture.Node.IsUp; i++)
        {
            IoStatus status = await WriteAsync(fixture, volume, place * AtomicBytes, i + place * 37);
            if (status != IoStatus.Ok) return;
            if (i % 3 == 2) await volume.FlushAsync();
        }
    }

    private static ValueTask<IoStatus> WriteAsync(PoolFixture fixture, Volume volume, long offset, int number)
    {
        // Each sector says which write it is of; some writes have blocks of zeroes among them.
        byte[] data = PoolFixture.Pattern(AtomicBytes, number);
        for (int at = 0; at < data.Length; at += 512) BitConverter.TryWriteBytes(data.AsSpan(at), number + 1);
        if (number % 4 == 3) data.AsSpan().Clear();
        return AtomicAsync(fixture, volume, offset, data);
    }

    private static async ValueTask<IoStatus> AtomicAsync(
        PoolFixture fixture, Volume volume, long offset, byte[] data)
    {
        IoBuffer buffer = fixture.Loop.Buffers.Rent(data.Length);
        data.CopyTo(buffer.Span);
        IoStatus status = await volume.WriteAtomicAsync(offset, buffer.First(data.Length), durable: false);
        buffer.Release();
        return status;
    }

    private static void AssertWhole(byte[] read)
    {
        int first = BitConverter.ToInt32(read);
        for (int at = 512; at < read.Length; at += 512)
            Assert.Equal(first, BitConverter.ToInt32(read, at));
    }
}
