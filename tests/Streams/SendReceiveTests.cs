using Cstor.Engine.Host;
using Cstor.Engine.Pools;
using Cstor.Engine.Streams;
using Cstor.Engine.Volumes;
using Cstor.Tests.Simulation;
using Xunit;

namespace Cstor.Tests.Streams;

/// <summary>What is received is what was sent.</summary>
public sealed class SendReceiveTests
{
    private const int KiB = 1024;

    public static TheoryData<int, string> Shapes
    {
        get
        {
            TheoryData<int, string> shapes = [];
            for (int block = 4 * KiB; block <= 128 * KiB; block *= 2)
                foreach (string compression in new[] { "off", "lz4", "zstd-3" })
                    shapes.Add(block, compression);
            return shapes;
        }
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void A_full_stream_and_a_chain_of_incremental_ones_arrive(int block, string compression)
    {
        using StreamFixture fixture = new(1);
        Volume volume = fixture.Create("db", 300L * block, block, compression);
        for (int i = 0; i < 300; i += 7) fixture.Write(volume, (long)i * block, Bytes(block, i));
        fixture.Snapshot("db", "one");
        fixture.ReceiveSame("copy", fixture.Send("db", "one"), "db", "one");
        for (int i = 3; i < 300; i += 31) fixture.Write(volume, (long)i * block, Bytes(block, 1000 + i));
        fixture.Unmap(volume, 20L * block, 100L * block);
        fixture.Write(volume, 40L * block, Bytes(block, 5));
        fixture.Snapshot("db", "two");
        fixture.ReceiveSame("copy", fixture.Send("db", "two", "one"), "db", "two");
        fixture.Snapshot("db", "three");
        fixture.ReceiveSame("copy", fixture.Send("db", "three", "two"), "db", "three");
        fixture.ReceiveSame("other", fixture.Send("db", "three"), "db", "three");
        Assert.Equal(Content(fixture, volume), fixture.Content("copy"));
        Assert.Equal(Content(fixture, volume), fixture.Content("other"));
        fixture.AssertClean();
        fixture.Close();
    }

    [Fact]
    public void Snapshots_in_between_may_be_left_out()
    {
        using StreamFixture fixture = new(2);
        Volume volume = fixture.Create("db", 4L << 20, 4 * KiB, "lz4");
        foreach (string name in new[] { "a", "b", "c" })
        {
            for (int i = 0; i < 50; i++) fixture.Write(volume, i * 17L * 4096, Bytes(4096, i + name[0]));
            fixture.Snapshot("db", name);
        }

        fixture.ReceiveSame("copy", fixture.Send("db", "a"), "db", "a");
        fixture.ReceiveSame("copy", fixture.Send("db", "c", "a"), "db", "c");
        fixture.AssertClean();
    }

    [Fact]
    public void A_volume_that_shrank_and_grew_arrives_at_every_size()
    {
        using StreamFixture fixture = new(3);
        long[] blocks = [300, 70_000, 100, 256, 257, 65_536, 1, 80_000];
        Volume volume = fixture.Create("db", 300 * 4096, 4096, "off");
        string? last = null;
        for (int i = 0; i < blocks.Length; i++)
        {
            long size = blocks[i] * 4096;
            fixture.Here.Run(async () =>
                Assert.Null((await fixture.Tank.ResizeVolumeAsync("db", size)).Fault));
            if (i % 3 != 2) fixture.Write(volume, size - 4096, Bytes(4096, i));
            if (i % 2 == 0) fixture.Write(volume, 0, Bytes(4096, 50 + i));
            string name = $"s{i}";
            fixture.Snapshot("db", name);
            fixture.ReceiveSame("copy", fixture.Send("db", name, last), "db", name);
            fixture.ReceiveSame($"full{i}", fixture.Send("db", name), "db", name);
            last = name;
        }

        fixture.AssertClean();
    }

    [Fact]
    public void An_empty_volume_arrives()
    {
        using StreamFixture fixture = new(4);
        fixture.Create("db", 1L << 30, 16 * KiB, "off");
        fixture.Snapshot("db", "nothing");
        byte[] stream = fixture.Send("db", "nothing");
        Assert.Equal((2 * 96) + 768, stream.Length);
        fixture.ReceiveSame("copy", stream, "db", "nothing");
    }

    [Fact]
    public void A_clone_arrives_as_a_clone_of_what_its_origin_became()
    {
        using StreamFixture fixture = new(5);
        Volume volume = fixture.Create("db", 8L << 20, 4096, "off");
        for (int i = 0; i < 500; i++) fixture.Write(volume, i * 4096L, Bytes(4096, i));
        fixture.Snapshot("db", "base");
        fixture.ReceiveSame("db", fixture.Send("db", "base"), "db", "base");
        fixture.Here.Run(async () =>
            Assert.Null((await fixture.Tank.CloneAsync("db", "base", "test", [])).Fault));
        fixture.Write(fixture.Tank.FindVolume("test")!, 4096, Bytes(4096, 9999));
        fixture.Snapshot("test", "mine");
        byte[] stream = fixture.Send("test", "mine", "base", "db");
        Assert.Equal((3 * 96) + 768 + 4096, stream.Length);
        fixture.ReceiveSame("test", stream, "test", "mine");
        Assert.Equal("tank/db@base", fixture.Vault.FindVolume("test")!.Status().Origin);
        fixture.AssertClean();
    }

    [Fact]
    public void Blocks_of_the_same_content_are_not_sent_again()
    {
        using StreamFixture fixture = new(6);
        Volume volume = fixture.Create("db", 8L << 20, 4096, "off");
        byte[] same = Bytes(1 << 20, 1);
        fixture.Write(volume, 0, same);
        fixture.Snapshot("db", "a");
        fixture.Write(volume, 0, same);
        fixture.Snapshot("db", "b");
        fixture.ReceiveSame("copy", fixture.Send("db", "a"), "db", "a");
        byte[] stream = fixture.Send("db", "b", "a");
        Assert.Equal((2 * 96) + 768, stream.Length);
        fixture.ReceiveSame("copy", stream, "db", "b");
    }

    [Fact]
    public void Compressed_blocks_travel_and_lie_as_they_were()
    {
        using StreamFixture fixture = new(7);
        Volume volume = fixture.Create("db", 8L << 20, 128 * KiB, "zstd");
        fixture.Write(volume, 0, new byte[1 << 20].Select((_, i) => (byte)(i >> 12)).ToArray());
        fixture.Snapshot("db", "a");
        byte[] stream = fixture.Send("db", "a");
        Assert.True(stream.Length < 200 * KiB, $"{stream.Length} bytes");
        fixture.ReceiveSame("copy", stream, "db", "a");
        VolumeStatus status = fixture.Vault.FindVolume("copy")!.Status();
        Assert.Equal("zstd", status.Properties.Single(property => property.Key == "compression").Value);
        Assert.True(status.ReferencedBytes < 200 * KiB, $"{status.ReferencedBytes} bytes");
    }

    [Fact]
    public void The_estimate_is_the_length_but_for_holes()
    {
        using StreamFixture fixture = new(8);
        Volume volume = fixture.Create("db", 8L << 20, 8 * KiB, "lz4");
        for (int i = 0; i < 100; i++) fixture.Write(volume, i * 3L * 8192, Bytes(8192, i));
        fixture.Snapshot("db", "a");
        byte[] stream = fixture.Send("db", "a");
        fixture.Here.Run(async () =>
        {
            Outcome<StreamReport> size =
                await fixture.Tank.Streams.EstimateAsync(new SendRequest("db", "a"));
            Assert.Equal((stream.Length, 100UL), (size.Value.Bytes, size.Value.Blocks));
        });
    }

    [Fact]
    public void A_damaged_block_is_not_sent()
    {
        using StreamFixture fixture = new(9);
        Volume volume = fixture.Create("db", 8L << 20, 4096, "off");
        fixture.Write(volume, 0, Bytes(1 << 20, 1));
        fixture.Snapshot("db", "a");
        fixture.Here.Run(async () => Assert.Equal(IoStatus.Ok, await fixture.Tank.CheckpointAsync()));
        foreach (SimulatedDisk disk in fixture.Here.Node.Disks.All) disk.Faults.Rot = 1;
        Assert.Equal("stream-read", fixture.FaultOfSend(new SendRequest("db", "a"))?.Code);
    }

    [Fact]
    public void A_snapshot_that_is_being_sent_is_not_destroyed()
    {
        using StreamFixture fixture = new(10);
        Volume volume = fixture.Create("db", 8L << 20, 4096, "off");
        for (int i = 0; i < 4; i++) fixture.Write(volume, i << 20, Bytes(1 << 20, i));
        fixture.Snapshot("db", "a");
        fixture.Here.Run(async () =>
        {
            MemoryPipe slow = new(fixture.Here.Loop, SimulatedRandom.For(1, "pipe"));
            ValueTask<Outcome<StreamReport>> sending =
                fixture.Tank.Streams.SendAsync(new SendRequest("db", "a"), slow);
            Assert.Equal("snapshot-busy", (await fixture.Tank.DestroySnapshotAsync("db", "a")).Fault?.Code);
            Assert.Null((await sending).Fault);
            Assert.Null((await fixture.Tank.DestroySnapshotAsync("db", "a")).Fault);
        });
    }

    private static byte[] Content(StreamFixture fixture, Volume volume)
    {
        byte[] bytes = [];
        fixture.Here.Run(async () => bytes = await StreamFixture.ReadAllAsync(fixture.Here, volume));
        return bytes;
    }

    private static byte[] Bytes(int length, int seed) => StreamFixture.Bytes(length, seed);
}
