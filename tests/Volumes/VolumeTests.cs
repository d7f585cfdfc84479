using Cstor.Engine.Host;
using Cstor.Engine.Pools;
using Cstor.Engine.Volumes;
using Cstor.Tests.Pools;
using Cstor.Tests.Simulation;
using Xunit;

namespace Cstor.Tests.Volumes;

public sealed class VolumeTests
{
    private const int VolumeBytes = 8 << 20;

    [Theory]
    [InlineData(1, 4096, "off")]
    [InlineData(2, 16384, "off")]
    [InlineData(3, 16384, "lz4")]
    [InlineData(4, 131072, "zstd")]
    public void Random_reads_writes_and_unmaps_agree_with_an_array(
        ulong seed, int blockBytes, string compression)
    {
        using PoolFixture fixture = new(seed);
        SimulatedRandom random = SimulatedRandom.For(seed, "volume");
        fixture.Run(async () =>
        {
            Pool pool = await fixture.CreateAsync();
            Volume volume = await PoolFixture.VolumeAsync(pool, blockBytes, compression, VolumeBytes);
            byte[] model = new byte[VolumeBytes];
            for (int step = 0; step < 300; step++)
            {
                int sectors = 1 + random.Below(random.Below(4) == 0 ? 600 : 40);
                int length = sectors * 512;
                int offset = random.Below(((VolumeBytes - length) / 512) + 1) * 512;
                await StepAsync(fixture, volume, model, random.Below(10), offset, length, step);
                if (step % 97 == 50) Assert.Equal(IoStatus.Ok, await pool.CheckpointAsync());
            }

            Assert.Equal(model, await ReadAllAsync(fixture, volume));
            await PoolFixture.AssertCleanAsync(pool);
        });
    }

    [Theory]
    [InlineData("compression", "zstd", "lz4")]
    [InlineData("compression", "lz4", "off")]
    [InlineData("checksum", "blake3", "xxh128")]
    [InlineData("checksum", "xxh128", "blake3")]
    public void A_write_that_is_under_way_when_a_setting_changes_is_read_back(
        string property, string before, string after)
    {
        using PoolFixture fixture = new(17);
        fixture.Run(async () =>
        {
            Pool pool = await fixture.CreateAsync();
            Volume volume = await PoolFixture.VolumeAsync(pool, 65536);
            Assert.True((await pool.SetPropertyAsync("v", property, before)).IsOk);
            Task<IoStatus>[] writes = new Task<IoStatus>[8];
            byte[] data = PoolFixture.Pattern(131072, 3);
            for (int i = 0; i < writes.Length; i++)
                writes[i] = fixture.WriteAsync(volume, i * 131072, data).AsTask();
            Assert.True((await pool.SetPropertyAsync("v", property, after)).IsOk);
            foreach (Task<IoStatus> write in writes) Assert.Equal(IoStatus.Ok, await write);
            for (int i = 0; i < writes.Length; i++)
                Assert.Equal(data, await fixture.ReadAsync(volume, i * 131072, data.Length));
            await PoolFixture.AssertCleanAsync(pool);
        });
    }

    [Fact]
    public void Zeroes_take_no_space()
    {
        using PoolFixture fixture = new(11);
        fixture.Run(async () =>
        {
            Pool pool = await fixture.CreateAsync();
            Volume volume = await PoolFixture.VolumeAsync(pool);
            Assert.Equal(IoStatus.Ok, await fixture.WriteAsync(volume, 0, PoolFixture.Pattern(1 << 20, 1)));
            Assert.Equal(IoStatus.Ok, await fixture.WriteAsync(volume, 0, new byte[1 << 20]));
            Assert.Equal(IoStatus.Ok, await pool.CheckpointAsync());
            Assert.Equal(0, volume.Status().ReferencedBytes);
            Assert.Equal(new byte[1 << 20], await fixture.ReadAsync(volume, 0, 1 << 20));
        });
    }

    [Fact]
    public void Compressible_data_takes_less_space_and_random_data_no_more()
    {
        using PoolFixture fixture = new(12);
        fixture.Run(async () =>
        {
            Pool pool = await fixture.CreateAsync();
            Volume volume = await PoolFixture.VolumeAsync(pool, 65536, "lz4");
            byte[] text =
                [.. Enumerable.Range(0, 65536).Select(static i => (byte)"all work and no play "[i % 21])];
            byte[] noise = new byte[65536];
            fixture.Loop.FillRandom(noise);
            Assert.Equal(IoStatus.Ok, await fixture.WriteAsync(volume, 0, text));
            Assert.Equal(IoStatus.Ok, await fixture.WriteAsync(volume, 65536, noise));
            Assert.Equal(IoStatus.Ok, await pool.CheckpointAsync());
            const int nodes = 2 * 2 * 16384;
            Assert.Equal(4096 + 65536 + nodes, volume.Status().ReferencedBytes);
            byte[] both = [.. text, .. noise];
            Assert.Equal(both, await fixture.ReadAsync(volume, 0, 131072));
        });
    }

    [Fact]
    public void A_range_outside_the_volume_is_refused()
    {
        using PoolFixture fixture = new(13);
        fixture.Run(async () =>
        {
            Pool pool = await fixture.CreateAsync();
            Volume volume = await PoolFixture.VolumeAsync(pool, sizeBytes: VolumeBytes);
            byte[] bytes = new byte[8192];
            Assert.Equal(IoStatus.OutOfRange, await fixture.WriteAsync(volume, VolumeBytes - 4096, bytes));
            Assert.Equal(IoStatus.OutOfRange, await fixture.WriteAsync(volume, long.MaxValue - 4095, bytes));
            Assert.Equal(IoStatus.OutOfRange, await volume.UnmapAsync(0, VolumeBytes + 512));
            Assert.Equal(IoStatus.OutOfRange, await volume.UnmapAsync(-512, 512));
        });
    }

    [Fact]
    public void A_shrunk_volume_forgets_what_lay_beyond_its_end()
    {
        using PoolFixture fixture = new(14);
        fixture.Run(async () =>
        {
            Pool pool = await fixture.CreateAsync();
            Volume volume = await PoolFixture.VolumeAsync(pool, sizeBytes: VolumeBytes);
            byte[] bytes = PoolFixture.Pattern(4096, 5);
            Assert.Equal(IoStatus.Ok, await fixture.WriteAsync(volume, VolumeBytes / 2, bytes));
            Assert.True((await pool.ResizeVolumeAsync("v", VolumeBytes / 4)).IsOk);
            Assert.True((await pool.ResizeVolumeAsync("v", VolumeBytes)).IsOk);
            Assert.Equal(new byte[4096], await fixture.ReadAsync(volume, VolumeBytes / 2, 4096));
            await PoolFixture.AssertCleanAsync(pool);
        });
    }

    [Fact]
    public void A_rotten_copy_is_read_from_the_mirror_and_mended()
    {
        using PoolFixture fixture = new(15, isMirror: true);
        fixture.Run(async () =>
        {
            Pool pool = await fixture.CreateAsync();
            Volume volume = await PoolFixture.VolumeAsync(pool);
            byte[] bytes = PoolFixture.Pattern(1 << 20, 6);
            Assert.Equal(IoStatus.Ok, await fixture.WriteAsync(volume, 0, bytes, durable: true));
            Assert.Equal(IoStatus.Ok, await pool.CheckpointAsync());
            SimulatedDisk disk = fixture.Node.Disks["/dev/a"];
            foreach (long offset in disk.WrittenOffsets())
                if (offset >= 512 << 10 && offset < disk.SizeBytes - (512 << 10))
                    disk.Rot(offset);
            for (int i = 0; i < 4; i++) Assert.Equal(bytes, await fixture.ReadAsync(volume, 0, 1 << 20));
            DamageReport damage = Assert.Single(pool.Status().Damage, static report => report.What == "data");
            Assert.True(damage.Count > 0);
            Assert.Equal(damage.Count, damage.Repaired);
        });
    }

    private static async ValueTask StepAsync(
        PoolFixture fixture, Volume volume, byte[] model, int choice, int offset, int length, int step)
    {
        if (choice < 6)
        {
            byte[] bytes = choice == 0 ? new byte[length] : PoolFixture.Pattern(length, step);
            Assert.Equal(IoStatus.Ok, await fixture.WriteAsync(volume, offset, bytes));
            bytes.CopyTo(model, offset);
        }
        else if (choice < 8)
        {
            Assert.Equal(IoStatus.Ok, await volume.UnmapAsync(offset, length));
            model.AsSpan(offset, length).Clear();
        }
        else
        {
            byte[] expected = model[offset..(offset + length)];
            Assert.Equal(expected, await fixture.ReadAsync(volume, offset, length));
        }
    }

    private static async ValueTask<byte[]> ReadAllAsync(PoolFixture fixture, Volume volume)
    {
        List<byte> all = [];
        for (int offset = 0; offset < VolumeBytes; offset += 1 << 20)
            all.AddRange(await fixture.ReadAsync(volume, offset, 1 << 20));
        return [.. all];
    }
}
