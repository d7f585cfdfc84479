using Cstor.Engine.Checking;
using Cstor.Engine.Host;
using Cstor.Engine.Pools;
using Cstor.Engine.Vdevs;
using Cstor.Engine.Volumes;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Labels;
using Cstor.Tests.Simulation;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Cstor.Tests.Scrub;

/// <summary>A simulated machine with a pool of one group of disks, and what tests do to it.</summary>
internal sealed class ScanRig : IDisposable
{
    public const long Second = 1_000_000_000;

    private readonly VdevSpec _vdev;

    public ScanRig(ulong seed, VdevKind kind, int disks, long diskBytes = 128L << 20)
    {
        Machine = new SimulatedMachine(seed);
        Node = Machine.AddNode("node");
        for (int i = 0; i < disks; i++) Node.Disks.Add(PathOf(i), diskBytes);
        Loop = Node.CreateLoop();
        _vdev = new VdevSpec(kind, [.. Enumerable.Range(0, disks).Select(PathOf)]);
    }

    public SimulatedMachine Machine { get; }

    public SimulatedNode Node { get; }

    public SimulatedLoop Loop { get; private set; }

    public PoolOptions Options { get; set; } = new();

    public Pool Pool { get; private set; } = null!;

    public Volume Volume => Pool.FindVolume("v")!;

    public ScanStatus Scan => Pool.Status().Scan!;

    public static string PathOf(int disk) => $"/dev/sd{(char)('a' + disk)}";

    public SimulatedDisk Disk(int disk) => Node.Disks[PathOf(disk)];

    public PoolDevice Device(int disk) =>
        Pool.Core.Devices.Tree.Vdevs[0].Devices.Single(device => device.Path == PathOf(disk));

    public void Dispose() => Machine.Dispose();

    public void Run(Func<ValueTask> body) => Assert.Equal(RunEnd.Completed, Machine.Run(Loop, body));

    /// <summary>Runs a step that a planned crash may end.</summary>
    public RunEnd RunTillDeath(Func<ValueTask> body) => Machine.Run(Loop, body);

    /// <summary>Cuts the power unless that has happened; the next step runs on a new incarnation.</summary>
    public void Restart(CrashMode mode)
    {
        if (Node.IsUp) Node.Crash(mode);
        Loop = Node.CreateLoop();
    }

    public async ValueTask CreateAsync(long volumeBytes = 64L << 20, int blockBytes = 4096)
    {
        PoolRegistry registry = new(Loop, NullLoggerFactory.Instance, Options);
        Outcome<Pool> pool = await registry.CreateAsync("tank", [_vdev], force: false);
        Assert.Null(pool.Fault);
        Pool = pool.Value;
        Assert.Null((await Pool.CreateVolumeAsync("v", volumeBytes, blockBytes, [])).Fault);
    }

    public async ValueTask ImportAsync(bool readOnly = false)
    {
        PoolRegistry registry = new(Loop, NullLoggerFactory.Instance, Options);
        Outcome<ImportScan> scan = await registry.ScanAsync([]);
        Assert.Null(scan.Fault);
        ImportCandidate found = Assert.Single(scan.Value.Pools);
        Outcome<Pool> pool = await registry.ImportAsync(found, readOnly, force: false);
        Assert.Null(pool.Fault);
        Pool = pool.Value;
    }

    public ValueTask<IoStatus> FillAsync(ulong first, int count, int version) =>
        FillAsync(Volume, first, count, version);

    /// <summary>Writes blocks whose contents follow from index and version.</summary>
    public async ValueTask<IoStatus> FillAsync(Volume volume, ulong first, int count, int version)
    {
        int blockBytes = volume.BlockSizeBytes;
        IoBuffer buffer = Loop.Buffers.Rent(count * blockBytes);
        for (int i = 0; i < count; i++)
            FillBlock(buffer.Span.Slice(i * blockBytes, blockBytes), first + (ulong)i, version);
        IoStatus status = await volume.WriteAsync(
            (long)first * blockBytes, buffer.First(count * blockBytes), durable: false);
        buffer.Release();
        return status;
    }

    /// <summary>Writes many blocks, a megabyte at a time.</summary>
    public async ValueTask FillManyAsync(int count, int version)
    {
        int step = (1 << 20) / Volume.BlockSizeBytes;
        for (int at = 0; at < count; at += step)
            Assert.Equal(IoStatus.Ok, await FillAsync((ulong)at, Math.Min(step, count - at), version));
        Assert.Equal(IoStatus.Ok, await Pool.CheckpointAsync());
    }

    /// <summary>The version that a block holds; fails if it holds anything else.</summary>
    public async ValueTask<int> VersionAsync(ulong block)
    {
        int blockBytes = Volume.BlockSizeBytes;
        IoBuffer buffer = Loop.Buffers.Rent(blockBytes);
        Assert.Equal(IoStatus.Ok, await Volume.ReadAsync((long)block * blockBytes, buffer.First(blockBytes)));
        int version = BitConverter.ToInt32(buffer.Span);
        byte[] expected = new byte[blockBytes];
        if (version != 0) FillBlock(expected, block, version);
        Assert.True(buffer.First(blockBytes).Span.SequenceEqual(expected), $"block {block} is none");
        buffer.Release();
        return version;
    }

    public async ValueTask ScrubToEndAsync()
    {
        Assert.Null((await Pool.ScrubAsync(ScrubCommand.Start)).Fault);
        await WaitAsync();
    }

    /// <summary>Until no scan is under way.</summary>
    public async ValueTask WaitAsync()
    {
        for (int i = 0; Pool.Scan!.IsBusy; i++)
        {
            Assert.True(i < 200_000, "the scan does not end");
            await Loop.DelayAsync(10_000_000);
        }
    }

    /// <summary>The device fails as one whose cable was pulled.</summary>
    public async ValueTask TakeAwayAsync(int disk)
    {
        Disk(disk).Faults.IsDead = true;
        for (int i = 0; Device(disk).IsWritable; i++)
        {
            Assert.True(i < 100, "nobody noticed that the disk is gone");
            await FillAsync(0, 1, 1);
            await Pool.CheckpointAsync();
        }
    }

    public async ValueTask BringBackAsync(int disk)
    {
        Disk(disk).Faults.Clear();
        Device(disk).BringBack(null);
        Assert.Equal(IoStatus.Ok, await Pool.Core.Devices.WriteLabelsAsync(Pool.Core.Devices.State));
        Pool.Scan!.OnMembershipChanged();
    }

    public async ValueTask AssertCleanAsync()
    {
        CheckReport report = await PoolChecker.CheckAsync(Pool);
        Assert.True(report.IsClean, report.ToString());
    }

    /// <summary>Flips bits in a share of all sectors of the data area that were ever written.</summary>
    public int Rot(int disk, int oneIn)
    {
        int count = 0;
        foreach (long offset in Disk(disk).WrittenOffsets())
        {
            if (offset < Layout.DataStartBytes || offset >= Disk(disk).SizeBytes - (2 * Layout.LabelBytes))
                continue;
            if (offset / Layout.SectorBytes % oneIn != 0) continue;
            Disk(disk).Rot(offset);
            count++;
        }

        return count;
    }

    private static void FillBlock(Span<byte> block, ulong index, int version)
    {
        SimulatedRandom.For(index, "block").Fill(block);
        Assert.True(BitConverter.TryWriteBytes(block, version));
    }
}
