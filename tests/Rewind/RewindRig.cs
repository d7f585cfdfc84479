using Cstor.Engine.Host;
using Cstor.Engine.Pools;
using Cstor.Engine.Rewind;
using Cstor.Engine.Vdevs;
using Cstor.Engine.Volumes;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Records;
using Cstor.Tests.Pools;
using Cstor.Tests.Simulation;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Cstor.Tests.Rewind;

/// <summary>
/// A pool with a volume of which each checkpoint's contents are remembered, and ways to damage what a root
/// leads to.
/// </summary>
internal sealed class RewindRig(ulong seed, bool isMirror = false) : IDisposable
{
    public const int Blocks = 700;
    private const int BlockBytes = PoolFixture.BlockBytes;

    private readonly byte[] _now = new byte[Blocks];

    public PoolFixture Fixture { get; } = new(seed, isMirror: isMirror);

    public SimulatedRandom Random { get; } = SimulatedRandom.For(seed, "rewind");

    /// <summary>What the first byte of each block was, by checkpoint.</summary>
    public Dictionary<ulong, byte[]> States { get; } = [];

    public ulong Newest => States.Keys.Max();

    public void Dispose() => Fixture.Dispose();

    /// <summary>Creates the pool and writes over some checkpoints, and a little behind the last.</summary>
    public void Live(int checkpoints, int behind = 5) => Fixture.Run(async () =>
    {
        Pool pool = await Fixture.CreateAsync();
        Volume volume = await PoolFixture.VolumeAsync(pool, sizeBytes: Blocks * BlockBytes);
        for (int i = 0; i < checkpoints; i++) await AdvanceAsync(pool, volume, 60);
        await WriteAsync(volume, behind);
    });

    /// <summary>Writes random blocks and makes a checkpoint that is remembered.</summary>
    public async ValueTask AdvanceAsync(Pool pool, Volume volume, int writes)
    {
        await WriteAsync(volume, writes);
        Assert.Equal(IoStatus.Ok, await pool.CheckpointAsync());
        States[pool.Status().Checkpoint] = [.. _now];
    }

    public async ValueTask WriteAsync(Volume volume, int writes)
    {
        byte[] block = new byte[BlockBytes];
        for (int i = 0; i < writes; i++)
        {
            int at = Random.Below(Blocks);
            Random.Fill(block);
            Assert.Equal(
                IoStatus.Ok, await Fixture.WriteAsync(volume, at * BlockBytes, block, durable: false));
            // By a flush of its own, so that it is in its place and not only in the log, which roots lose.
            Assert.Equal(IoStatus.Ok, await volume.FlushAsync());
            _now[at] = block[0];
        }
    }

    public async ValueTask AssertIsAsync(Pool pool, ulong checkpoint)
    {
        byte[] expected = States[checkpoint];
        Volume volume = pool.FindVolume("v")!;
        for (int i = 0; i < Blocks; i++)
        {
            byte[] read = await Fixture.ReadAsync(volume, i * BlockBytes, BlockBytes);
            Assert.True(expected[i] == read[0], $"block {i} is not as in checkpoint {checkpoint}");
        }

        expected.CopyTo(_now, 0);
    }

    public async ValueTask<Outcome<Pool>> TryImportAsync(ulong checkpoint = 0, bool readOnly = false)
    {
        (PoolRegistry registry, ImportCandidate candidate) = await FindAsync();
        return await registry.ImportAsync(candidate, readOnly, force: false, checkpoint);
    }

    public async ValueTask<RewindPlan> PlanAsync(bool includesData = false)
    {
        (PoolRegistry registry, ImportCandidate candidate) = await FindAsync();
        Outcome<RewindPlan> plan = await registry.PlanRewindAsync(candidate, force: false, includesData);
        Assert.Null(plan.Fault);
        return plan.Value;
    }

    /// <summary>Overwrites a piece of metadata that the newest root has and no older one.</summary>
    /// <param name="what">Dataset table, record, space log, or a node of the volume's tree.</param>
    public async ValueTask DamageNewestAsync(RootPart what)
    {
        PoolDevices devices = await OpenDevicesAsync();
        Uberblock root = (await devices.ReadUberblocksAsync()).Roots[0].Root;
        BlockPointer victim = root.SpaceLogHead;
        if (what != RootPart.SpaceLog) victim = root.DatasetRoot;
        if (what is RootPart.DatasetRecord or RootPart.VolumeNode)
            victim = await FirstChildAsync(devices, victim);
        if (what == RootPart.VolumeNode)
        {
            byte[] sector = await ReadAsync(devices, victim);
            Assert.Null(DatasetRecord.TryRead(sector.AsSpan(0, DatasetRecord.Bytes), out var record));
            victim = record.Root;
        }

        await devices.CloseAsync();
        Ruin(victim.Place0, victim.PhysicalSectors);
        Ruin(victim.Place1, victim.PhysicalSectors);
    }

    public async ValueTask<Uberblock> NewestRootAsync()
    {
        PoolDevices devices = await OpenDevicesAsync();
        Uberblock root = (await devices.ReadUberblocksAsync()).Roots[0].Root;
        await devices.CloseAsync();
        return root;
    }

    /// <summary>Overwrites sectors on all devices that may have them.</summary>
    public void Ruin(BlockPlace place, int sectors)
    {
        byte[] garbage = new byte[Layout.SectorBytes];
        string[] paths = isMirror ? ["/dev/a", "/dev/b"] : [PoolFixture.PathOf(place.Vdev)];
        for (int i = 0; i < sectors; i++)
        {
            Random.Fill(garbage);
            foreach (string path in paths)
                Fixture.Node.Disks[path].Poke(
                    Layout.DataStartBytes + ((place.Sector + i) << Layout.SectorShift), garbage);
        }
    }

    private async ValueTask<PoolDevices> OpenDevicesAsync()
    {
        (_, ImportCandidate candidate) = await FindAsync();
        Outcome<PoolDevices> devices = await PoolDevices.OpenAsync(
            Fixture.Loop, NullLogger.Instance, candidate, readOnly: true, force: false);
        Assert.Null(devices.Fault);
        return devices.Value;
    }

    private async ValueTask<(PoolRegistry Registry, ImportCandidate Candidate)> FindAsync()
    {
        PoolRegistry registry = new(Fixture.Loop, NullLoggerFactory.Instance, new PoolOptions());
        Outcome<ImportScan> scan = await registry.ScanAsync([]);
        Assert.Null(scan.Fault);
        return (registry, Assert.Single(scan.Value.Pools));
    }

    private async ValueTask<BlockPointer> FirstChildAsync(PoolDevices devices, BlockPointer node) =>
        System.Runtime.InteropServices.MemoryMarshal.Read<BlockPointer>(await ReadAsync(devices, node));

    private async ValueTask<byte[]> ReadAsync(PoolDevices devices, BlockPointer pointer)
    {
        int bytes = pointer.PhysicalSectors << Layout.SectorShift;
        IoBuffer buffer = Fixture.Loop.Buffers.Rent(bytes);
        Assert.Equal(IoStatus.Ok, await devices.ReadAsync(pointer.Place0, buffer.First(bytes)));
        byte[] read = buffer.Span[..bytes].ToArray();
        buffer.Release();
        return read;
    }
}
