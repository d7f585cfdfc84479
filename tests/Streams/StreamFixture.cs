using Cstor.Engine.Host;
using Cstor.Engine.Pools;
using Cstor.Engine.Streams;
using Cstor.Engine.Trees;
using Cstor.Engine.Versions;
using Cstor.Engine.Volumes;
using Cstor.PoolLayout;
using Cstor.Tests.Pools;
using Cstor.Tests.Simulation;
using Xunit;

namespace Cstor.Tests.Streams;

/// <summary>Two machines with a pool each, and streams between them.</summary>
internal sealed class StreamFixture : IDisposable
{
    private Pool? _tank;
    private Pool? _vault;

    public StreamFixture(ulong seed)
    {
        Here = new PoolFixture(seed);
        There = new PoolFixture(seed + 1000);
        Here.Run(async () => _tank = await Here.CreateAsync());
        There.Run(async () => _vault = await There.CreateAsync());
    }

    /// <summary>The sender's machine.</summary>
    public PoolFixture Here { get; }

    /// <summary>The receiver's machine.</summary>
    public PoolFixture There { get; }

    public Pool Tank => _tank!;

    public Pool Vault
    {
        get => _vault!;
        set => _vault = value;
    }

    public Volume Create(string name, long sizeBytes, int blockBytes, string compression)
    {
        Volume? volume = null;
        Here.Run(async () =>
        {
            Outcome<Volume> made = await Tank.CreateVolumeAsync(
                name, sizeBytes, blockBytes, [new("compression", compression)]);
            Assert.Null(made.Fault);
            volume = made.Value;
        });
        return volume!;
    }

    public void Write(Volume volume, long offset, byte[] bytes) => Here.Run(async () =>
        Assert.Equal(IoStatus.Ok, await Here.WriteAsync(volume, offset, bytes)));

    public void Unmap(Volume volume, long offset, long bytes) => Here.Run(async () =>
        Assert.Equal(IoStatus.Ok, await volume.UnmapAsync(offset, bytes)));

    public void Snapshot(string volume, string name) => Here.Run(async () =>
        Assert.Null((await Tank.SnapshotAsync([volume], name)).Fault));

    /// <summary>Sends and requires that it goes well.</summary>
    public byte[] Send(string volume, string snapshot, string? from = null, string? fromVolume = null) =>
        Send(new SendRequest(volume, snapshot) { From = from, FromVolume = fromVolume });

    public byte[] Send(SendRequest request)
    {
        MemoryPipe pipe = new(Here.Loop);
        Here.Run(async () =>
        {
            Outcome<StreamReport> sent = await Tank.Streams.SendAsync(request, pipe);
            Assert.Null(sent.Fault);
            Assert.Equal(pipe.Bytes.Length, sent.Value.Bytes);
        });
        return pipe.Bytes;
    }

    public Fault? FaultOfSend(SendRequest request)
    {
        Fault? fault = null;
        Here.Run(async () =>
            fault = (await Tank.Streams.SendAsync(request, new MemoryPipe(Here.Loop))).Fault);
        return fault;
    }

    public Fault? Receive(string volume, ReadOnlySpan<byte> stream, bool force = false)
    {
        MemoryPipe pipe = MemoryPipe.Of(There.Loop, stream);
        Fault? fault = null;
        There.Run(async () =>
            fault = (await Vault.Streams.ReceiveAsync(new ReceiveRequest(volume, force), pipe)).Fault);
        return fault;
    }

    /// <summary>Receives and requires that both snapshots have one content, to the byte.</summary>
    public void ReceiveSame(string volume, byte[] stream, string source, string snapshot)
    {
        Assert.Null(Receive(volume, stream));
        Assert.Equal(HashOf(Here, Tank, source, snapshot), HashOf(There, Vault, volume, snapshot));
        Snapshot sent = Tank.FindSnapshot(source, snapshot)!;
        Snapshot came = Vault.FindSnapshot(volume, snapshot)!;
        Assert.Equal(
            (sent.Id, sent.SizeBytes, sent.CreatedAt, sent.BlockSizeBytes),
            (came.Id, came.SizeBytes, came.CreatedAt, came.BlockSizeBytes));
    }

    /// <summary>All bytes of a received volume.</summary>
    public byte[] Content(string volume)
    {
        byte[] bytes = [];
        There.Run(async () => bytes = await ReadAllAsync(There, Vault.FindVolume(volume)!));
        return bytes;
    }

    public static async ValueTask<byte[]> ReadAllAsync(PoolFixture machine, Volume volume)
    {
        List<byte> all = [];
        for (long at = 0; at < volume.SizeBytes; at += 1 << 20)
            all.AddRange(await machine.ReadAsync(
                volume, at, (int)Math.Min(1 << 20, volume.SizeBytes - at)));
        return [.. all];
    }

    // Half of it repeats, so that it can be compressed, and no two are the same.
    public static byte[] Bytes(int length, int seed)
    {
        byte[] bytes = new byte[length];
        new SimulatedRandom((ulong)seed + 7).Fill(bytes.AsSpan(0, length / 2));
        bytes[0] |= 1;
        return bytes;
    }

    public void AssertClean()
    {
        Here.Run(() => PoolFixture.AssertCleanAsync(Tank));
        There.Run(() => PoolFixture.AssertCleanAsync(Vault));
    }

    /// <summary>Closes both pools; nothing may be left of the transfers.</summary>
    public void Close()
    {
        Here.Run(async () => Assert.Equal(IoStatus.Ok, await Tank.CloseAsync(exported: true)));
        There.Run(async () => Assert.Equal(IoStatus.Ok, await Vault.CloseAsync(exported: true)));
        Assert.Equal((0, 0), (Here.Loop.Buffers.RentedCount, There.Loop.Buffers.RentedCount));
    }

    public void Dispose()
    {
        Here.Dispose();
        There.Dispose();
    }

    private static Hash128 HashOf(PoolFixture machine, Pool pool, string volume, string snapshot)
    {
        Hash128 hash = default;
        machine.Run(async () =>
        {
            Snapshot found = pool.FindSnapshot(volume, snapshot)!;
            while (found.Tree.Layers.Length > 0) Assert.Equal(IoStatus.Ok, await pool.CheckpointAsync());
            (IoStatus status, hash) = await TreeContent.HashAsync(
                machine.Loop, pool.Core.Trees, found.Tree.Durable.Root, found.BlockCount);
            Assert.Equal(IoStatus.Ok, status);
        });
        return hash;
    }
}
