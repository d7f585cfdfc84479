using Cstor.Engine.Host;
using Cstor.Engine.Vdevs;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Labels;
using Cstor.PoolLayout.Records;
using Cstor.Tests.Simulation;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Cstor.Tests.Vdevs;

/// <summary>
/// A simulated node with disks /dev/sda, /dev/sdb, ... and shorthand for what tests do to them.
/// </summary>
internal sealed class VdevRig : IDisposable
{
    public static readonly Guid PoolGuid = new("7a6b0000-0000-4000-8000-000000000001");

    public static readonly HostIdentity Host = new("node1", new Guid("00000000-0000-4000-8000-00000000aaaa"));

    private readonly SimulatedMachine _machine;

    public VdevRig(ulong seed, int disks, long diskBytes = 64L << 20)
    {
        _machine = new SimulatedMachine(seed);
        Node = _machine.AddNode("node1");
        for (int i = 0; i < disks; i++) Node.Disks.Add(PathOf(i), diskBytes, isGarbageAtFirst: false);
        Loop = Node.CreateLoop();
    }

    public SimulatedNode Node { get; }

    public SimulatedLoop Loop { get; private set; }

    public static VdevSpec Disk(int disk) => new(VdevKind.Disk, [PathOf(disk)]);

    public static VdevSpec Mirror(params int[] disks) => new(VdevKind.Mirror, [.. disks.Select(PathOf)]);

    /// <summary>A group of the first disks.</summary>
    public static VdevSpec Group(VdevKind kind, int width) =>
        new(kind, [.. Enumerable.Range(0, width).Select(PathOf)]);

    public static string PathOf(int disk) => $"/dev/sd{(char)('a' + disk)}";

    public SimulatedDisk DiskAt(int disk) => Node.Disks[PathOf(disk)];

    public void Dispose() => _machine.Dispose();

    public RunEnd Run(Func<ValueTask> body) => _machine.Run(Loop, body);

    public T Run<T>(Func<ValueTask<T>> body) => _machine.Run(Loop, body);

    /// <summary>Cuts power unless that has happened, and starts again.</summary>
    public void Restart(CrashMode mode)
    {
        if (Node.IsUp) Node.Crash(mode);
        Loop = Node.CreateLoop();
    }

    /// <summary>Pulls a disk out and keeps it.</summary>
    public DiskImage Pull(int disk)
    {
        DiskImage image = DiskAt(disk).ImageAfterCrash(CrashMode.KeepEverything, 1);
        Node.Disks.Remove(PathOf(disk));
        return image;
    }

    public ValueTask<Outcome<PoolDevices>> TryCreateAsync(bool force, params VdevSpec[] specs) =>
        PoolDevices.CreateAsync(Loop, NullLogger.Instance, "tank", PoolGuid, specs, force, Host);

    /// <summary>Creates a pool to the end: its first root is durable.</summary>
    public async ValueTask<PoolDevices> CreateAsync(params VdevSpec[] specs)
    {
        Outcome<PoolDevices> created = await TryCreateAsync(false, specs);
        Assert.True(created.IsOk, created.Fault?.ToString());
        Assert.Equal(IoStatus.Ok, await WriteRootAsync(created.Value, 1));
        Assert.Equal(IoStatus.Ok, await created.Value.FlushAsync());
        return created.Value;
    }

    public ValueTask<ImportScan> ScanAsync() =>
        PoolDevices.ScanAsync(Loop, [.. Node.Disks.All.Select(disk => disk.Path)]);

    public async ValueTask<ImportCandidate> FindAsync()
    {
        ImportScan scan = await ScanAsync();
        return Assert.Single(scan.Pools);
    }

    public async ValueTask<Outcome<PoolDevices>> TryOpenAsync(
        bool readOnly = false, bool force = false, HostIdentity? host = null) =>
        await PoolDevices.OpenAsync(
            Loop, NullLogger.Instance, await FindAsync(), readOnly, force, host ?? Host);

    public async ValueTask<PoolDevices> OpenAsync(bool readOnly = false, bool force = false)
    {
        Outcome<PoolDevices> opened = await TryOpenAsync(readOnly, force);
        Assert.True(opened.IsOk, opened.Fault?.ToString());
        return opened.Value;
    }

    /// <summary>A root that leads nowhere but is valid.</summary>
    public static void FillRoot(Span<byte> sector, ulong number) =>
        new Uberblock
        {
            Magic = Uberblock.MagicValue,
            Version = Layout.FormatVersion,
            SectorShift = Layout.SectorShift,
            PoolGuid = PoolGuid,
            Number = number,
            Epoch = 1,
            LogPlace0 = new BlockPlace(0, 1),
            LogNext0 = new BlockPlace(0, 2),
            DatasetHeight = 1,
            SpaceMapHeight = 1,
        }.Write(sector);

    public async ValueTask<IoStatus> WriteRootAsync(PoolDevices pool, ulong number)
    {
        IoBuffer buffer = Loop.Buffers.Rent(Layout.UberblockBytes);
        FillRoot(buffer.First(Layout.UberblockBytes).Span, number);
        IoStatus status = await pool.WriteUberblockAsync(buffer.First(Layout.UberblockBytes), number);
        buffer.Release();
        return status;
    }

    public async ValueTask<IoStatus> WriteAsync(
        PoolDevices pool, BlockPlace place, byte content, int sectors = 1)
    {
        IoBuffer buffer = Loop.Buffers.Rent(sectors * Layout.SectorBytes);
        buffer.Span.Fill(content);
        IoStatus status = await pool.WriteAsync(place, buffer.First(sectors * Layout.SectorBytes));
        buffer.Release();
        return status;
    }

    public async ValueTask<(IoStatus Status, int Content)> ReadAsync(PoolDevices pool, BlockPlace place)
    {
        IoBuffer buffer = Loop.Buffers.Rent(Layout.SectorBytes);
        IoStatus status = await pool.ReadAsync(place, buffer.First(Layout.SectorBytes));
        (IoStatus, int) result = (status, buffer.Span[0]);
        buffer.Release();
        return result;
    }

    public async ValueTask<(IoStatus Status, int Content)> ReadCopyAsync(
        PoolDevices pool, BlockPlace place, int copy)
    {
        IoBuffer buffer = Loop.Buffers.Rent(Layout.SectorBytes);
        PoolDevice device = pool.Tree.Vdevs[place.Vdev].Devices[copy];
        IoStatus status = device.IsCurrent
            ? await device.ReadAsync(OffsetOf(place), buffer.First(Layout.SectorBytes))
            : IoStatus.DeviceGone;
        (IoStatus, int) result = (status, buffer.Span[0]);
        buffer.Release();
        return result;
    }

    /// <summary>Examines a block that is right if every byte is the given one.</summary>
    public async ValueTask<Examination> ExamineAsync(
        PoolDevices pool, BlockPlace place, byte content, ExamineMode mode, int sectors = 1)
    {
        IoBuffer buffer = Loop.Buffers.Rent(sectors * Layout.SectorBytes);
        Examination found = await pool.ExamineAsync(
            place, buffer.First(sectors * Layout.SectorBytes),
            slice => !slice.Span.ContainsAnyExcept(content), mode);
        if (found.Status == IoStatus.Ok)
            Assert.False(buffer.First(sectors * Layout.SectorBytes).Span.ContainsAnyExcept(content));
        buffer.Release();
        return found;
    }

    /// <summary>Device offset of a place on a plain vdev.</summary>
    public static long OffsetOf(BlockPlace place) =>
        Layout.DataStartBytes + (place.Sector * Layout.SectorBytes);

    /// <summary>Overwrites a whole label with something else.</summary>
    public static void Ruin(SimulatedDisk disk, int label)
    {
        byte[] garbage = new byte[Layout.SectorBytes];
        Array.Fill(garbage, (byte)0xA5);
        long offsetBytes = LabelBlock.OffsetOf(disk.SizeBytes, label);
        for (int at = 0; at < Layout.LabelBytes; at += Layout.SectorBytes)
            disk.Poke(offsetBytes + at, garbage);
    }

    /// <summary>Requests that could have changed anything on any disk.</summary>
    public long ChangesAsked() => Node.Disks.All.Sum(disk =>
        disk.Requests(DiskRequestKind.Write) + disk.Requests(DiskRequestKind.Discard));
}
