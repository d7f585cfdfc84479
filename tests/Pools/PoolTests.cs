using Cstor.Engine.Host;
using Cstor.Engine.Pools;
using Cstor.Engine.Volumes;
using Cstor.Tests.Simulation;
using Xunit;

namespace Cstor.Tests.Pools;

public sealed class PoolTests
{
    [Theory]
    [InlineData(1, false)]
    [InlineData(2, false)]
    [InlineData(3, true)]
    public void What_was_flushed_is_there_after_a_crash_and_an_import(ulong seed, bool isMirror)
    {
        using PoolFixture fixture = new(seed, isMirror: isMirror);
        byte[] expected = new byte[1000];
        fixture.Run(async () =>
        {
            Pool pool = await fixture.CreateAsync();
            Volume volume = await PoolFixture.VolumeAsync(pool);
            for (int i = 0; i < 900; i++)
            {
                int block = i * 7 % 1000;
                expected[block] = (byte)((i % 250) + 1);
                byte[] bytes = [.. Enumerable.Repeat(expected[block], 4096)];
                Assert.Equal(IoStatus.Ok, await fixture.WriteAsync(volume, block * 4096L, bytes));
                if (i == 600) Assert.Equal(IoStatus.Ok, await pool.CheckpointAsync());
            }

            Assert.Equal(IoStatus.Ok, await volume.FlushAsync());
        });
        fixture.Crash(CrashMode.DropUnflushed);
        fixture.Run(async () =>
        {
            Pool pool = await fixture.ImportAsync();
            Volume volume = pool.FindVolume("v")!;
            for (int block = 0; block < 1000; block++)
                Assert.Equal(expected[block], (await fixture.ReadAsync(volume, block * 4096L, 4096))[17]);
            await PoolFixture.AssertCleanAsync(pool);
            Assert.Equal(IoStatus.Ok, await pool.CloseAsync(exported: true));
            Assert.Equal(0, fixture.Loop.Buffers.RentedCount);
        });
    }

    [Fact]
    public void A_read_only_import_replays_the_log_and_writes_nothing()
    {
        using PoolFixture fixture = new(5);
        byte[] bytes = PoolFixture.Pattern(4096, 1);
        fixture.Run(async () =>
        {
            Volume volume = await PoolFixture.VolumeAsync(await fixture.CreateAsync());
            Assert.Equal(IoStatus.Ok, await fixture.WriteAsync(volume, 8192, bytes, durable: true));
        });
        fixture.Crash(CrashMode.DropUnflushed);
        fixture.Run(async () =>
        {
            long before = fixture.Node.WriteBoundaryCount;
            Pool pool = await fixture.ImportAsync(readOnly: true);
            Volume volume = pool.FindVolume("v")!;
            Assert.Equal(bytes, await fixture.ReadAsync(volume, 8192, 4096));
            Assert.Equal(IoStatus.ReadOnly, await fixture.WriteAsync(volume, 0, bytes));
            Assert.Equal(IoStatus.Ok, await pool.CloseAsync(exported: false));
            Assert.Equal(before, fixture.Node.WriteBoundaryCount);
        });
    }

    [Fact]
    public void A_destroyed_volume_gives_back_every_sector()
    {
        using PoolFixture fixture = new(6);
        fixture.Run(async () =>
        {
            Pool pool = await fixture.CreateAsync();
            Volume volume = await PoolFixture.VolumeAsync(pool);
            for (int i = 0; i < 500; i++)
                await fixture.WriteAsync(volume, i * 13 % 15_000 * 4096L, PoolFixture.Pattern(4096, i + 1));
            Assert.Equal(IoStatus.Ok, await pool.CheckpointAsync());
            long used = pool.Status().AllocatedBytes;
            Assert.True((await pool.DestroyVolumeAsync("v")).IsOk);
            Assert.Null(pool.FindVolume("v"));
            Assert.Equal(IoStatus.Closed, await fixture.WriteAsync(volume, 0, new byte[4096]));
            await fixture.Loop.DelayAsync(5_000_000_000);
            await PoolFixture.AssertCleanAsync(pool);
            Assert.True(pool.Status().AllocatedBytes <= used - (500 * 4096), "the blocks were not freed");
            Assert.True((await pool.CreateVolumeAsync("v", 1 << 20, 4096, [])).IsOk);
        });
    }

    [Fact]
    public void A_destruction_that_a_crash_interrupts_goes_on_after_the_import()
    {
        using PoolFixture fixture = new(7);
        fixture.Run(async () =>
        {
            Pool pool = await fixture.CreateAsync();
            Volume volume = await PoolFixture.VolumeAsync(pool);
            await fixture.WriteAsync(volume, 0, PoolFixture.Pattern(1 << 20, 3));
            Assert.Equal(IoStatus.Ok, await pool.CheckpointAsync());
            Assert.True((await pool.DestroyVolumeAsync("v")).IsOk);
        });
        fixture.Crash(CrashMode.DropUnflushed);
        fixture.Run(async () =>
        {
            Pool pool = await fixture.ImportAsync();
            Assert.Empty(pool.Volumes);
            await fixture.Loop.DelayAsync(5_000_000_000);
            await PoolFixture.AssertCleanAsync(pool);
            Assert.True(pool.Status().AllocatedBytes < 10 << 20);
        });
    }

    [Fact]
    public void A_full_pool_refuses_writes_and_can_still_unmap_and_destroy()
    {
        using PoolFixture fixture = new(8, diskBytes: 64L * 1024 * 1024);
        fixture.Run(async () =>
        {
            Pool pool = await fixture.CreateAsync();
            Volume volume = await PoolFixture.VolumeAsync(pool, sizeBytes: 1L << 30);
            IoStatus status = IoStatus.Ok;
            long written = 0;
            for (int i = 0; status == IoStatus.Ok; i++)
            {
                byte[] bytes = PoolFixture.Pattern(1 << 20, i + 1);
                status = await fixture.WriteAsync(volume, (long)i << 20, bytes);
                if (status == IoStatus.Ok) written += 1 << 20;
            }

            Assert.Equal(IoStatus.NoSpace, status);
            Assert.True(written > 80 << 20, $"only {written} bytes fitted");
            Assert.Equal(IoStatus.Ok, await volume.FlushAsync());
            Assert.Equal(IoStatus.Ok, await volume.UnmapAsync(0, written / 2));
            Assert.Equal(IoStatus.Ok, await fixture.WriteAsync(volume, 0, PoolFixture.Pattern(1 << 20, 99)));
            await PoolFixture.AssertCleanAsync(pool);
            Assert.True((await pool.DestroyVolumeAsync("v")).IsOk);
            await fixture.Loop.DelayAsync(5_000_000_000);
            Assert.True(pool.Status().AllocatedBytes < 10 << 20);
        });
    }

    [Fact]
    public void Settings_survive_a_crash()
    {
        using PoolFixture fixture = new(9);
        fixture.Run(async () =>
        {
            Pool pool = await fixture.CreateAsync();
            await PoolFixture.VolumeAsync(pool);
            Assert.True((await pool.SetPropertyAsync("v", "compression", "zstd-7")).IsOk);
            Assert.True((await pool.SetPropertyAsync("v", "checksum", "blake3")).IsOk);
            Assert.True((await pool.SetPropertyAsync("v", "chap-user", "joe")).IsOk);
            Assert.True((await pool.ResizeVolumeAsync("v", 3L << 30)).IsOk);
            Assert.NotNull((await pool.SetPropertyAsync("v", "compression", "gzip")).Fault);
            Assert.NotNull((await pool.SetPropertyAsync("v", "Bad Name", "x")).Fault);
        });
        fixture.Crash(CrashMode.DropUnflushed);
        fixture.Run(async () =>
        {
            VolumeStatus status = (await fixture.ImportAsync()).FindVolume("v")!.Status();
            Assert.Equal(3L << 30, status.SizeBytes);
            Assert.Contains(new KeyValuePair<string, string>("compression", "zstd-7"), status.Properties);
            Assert.Contains(new KeyValuePair<string, string>("checksum", "blake3"), status.Properties);
            Assert.Contains(new KeyValuePair<string, string>("chap-user", "joe"), status.Properties);
        });
    }
}
