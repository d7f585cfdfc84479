// A disk as a member of a pool: every request to it goes through here. It counts what went wrong, what is in
// flight, and which writes a flush covers. Deadlines and latency belong here too, since nothing else sees a
// device's requests begin and end.
//
// Flush: a write that completed before a flush started is durable once that flush has succeeded. A flush is
// left out when every completed write is covered by one that succeeded. At opening one is always due: a
// process that was killed may have left writes in the disk's cache, which read back but are not durable.
// After a failed flush nobody knows what the disk dropped, so the device never again claims durability.
using Cstor.Engine.Host;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Labels;

namespace Cstor.Engine.Vdevs;

/// <summary>A leaf of the vdev tree, present or missing.</summary>
internal sealed class PoolDevice
{
    private readonly Stack<DeviceRequest> _idle = new(64);
    private IDisk? _disk;
    private long _completedWrites = 1;
    private long _flushedWrites;
    private bool _flushFailed;

    /// <param name="config">What the label says of it.</param>
    /// <param name="disk">The open disk, or null if it is missing or left alone.</param>
    public PoolDevice(VdevConfig config, IDisk? disk)
    {
        Check.That(config.Kind == VdevKind.Disk);
        _disk = disk;
        Guid = config.Guid;
        Id = config.Id;
        SizeSectors = config.SizeSectors;
        Path = disk?.Path ?? config.Path;
        State = config.State;
        MissingFrom = config.MissingFrom;
    }

    public Guid Guid { get; }

    public int Id { get; }

    public long SizeSectors { get; }

    /// <summary>Position in the vdev's geometry, which the vdev assigns.</summary>
    public int Position { get; set; }

    public string Path { get; private set; }

    /// <summary>As the next label will say.</summary>
    public VdevState State { get; private set; }

    /// <summary>See <see cref="VdevConfig.MissingFrom"/>.</summary>
    public ulong MissingFrom { get; private set; }

    /// <summary>
    /// Present, and holds everything that was acknowledged: may be read, and counts for a write.
    /// </summary>
    public bool IsCurrent => _disk is not null && State == VdevState.Online && MissingFrom == 0;

    public bool IsPresent => _disk is not null;

    /// <summary>
    /// Present, and being given what it misses: takes all writes, may not be read as good.
    /// </summary>
    public bool IsRebuilding => _disk is not null && State == VdevState.Online && MissingFrom != 0;

    /// <summary>Takes writes: holds everything, or will when it has been brought up to date.</summary>
    public bool IsWritable => _disk is not null && State == VdevState.Online;

    /// <summary>
    /// May be asked; unless it is current, only by who can tell right contents from old ones.
    /// </summary>
    public bool IsReadable => _disk is not null;

    /// <summary>Reads should go elsewhere if they can.</summary>
    public bool IsAvoided { get; set; }

    /// <summary>Wrong or unreadable parts that were rewritten since import.</summary>
    public long RepairedParts { get; set; }

    /// <summary>The open disk; asking for a missing one is a bug.</summary>
    public IDisk Disk
    {
        get
        {
            Check.That(_disk is not null);
            return _disk;
        }
    }

    /// <summary>Requests under way.</summary>
    public int InFlight { get; private set; }

    /// <summary>Where the newest request ended, for locality.</summary>
    public long LastOffsetBytes { get; private set; }

    public long ReadErrors { get; private set; }

    /// <summary>Failed writes, flushes and label writes.</summary>
    public long WriteErrors { get; private set; }

    public long ChecksumErrors { get; set; }

    /// <summary>
    /// What was found in the four labels when the device was opened, and whether it was rewritten since.
    /// </summary>
    public IReadOnlyList<LabelFinding> Labels { get; set; } = [];

    public bool LabelsRewritten { get; set; }

    /// <summary>The tree's leaf as the next label will have it.</summary>
    public VdevConfig Config => new()
    {
        Kind = VdevKind.Disk,
        Guid = Guid,
        Id = Id,
        SizeSectors = SizeSectors,
        State = State,
        MissingFrom = MissingFrom,
        Path = Path,
    };

    /// <summary>Takes the device out of use; it lacks what is born from now on.</summary>
    public void Exclude(VdevState state, ulong missingFrom)
    {
        Check.That(state != VdevState.Online && missingFrom != 0);
        State = state;
        if (MissingFrom == 0 || missingFrom < MissingFrom) MissingFrom = missingFrom;
    }

    /// <summary>
    /// Takes the device back, or a disk in the place of one that was not there: it is given what it misses.
    /// </summary>
    /// <param name="disk">The open disk, or null to keep the one it has.</param>
    public void BringBack(IDisk? disk)
    {
        Check.That(disk is null ? _disk is not null : _disk is null);
        if (disk is not null)
        {
            _disk = disk;
            Path = disk.Path;
            _completedWrites = 1;
            _flushedWrites = 0;
            _flushFailed = false;
        }

        State = VdevState.Online;
    }

    /// <summary>Holds nothing of the pool yet, or nothing that can be trusted.</summary>
    public void LackEverything() => MissingFrom = 1;

    /// <summary>Waits again to stand in for another.</summary>
    public void BecomeSpare()
    {
        MissingFrom = 0;
        State = VdevState.Online;
    }

    /// <summary>Forgets what was counted.</summary>
    public void ClearErrors()
    {
        ReadErrors = 0;
        WriteErrors = 0;
        ChecksumErrors = 0;
        RepairedParts = 0;
    }

    /// <summary>Closes the disk of a device that is out of use, so that it can be taken away.</summary>
    public async ValueTask ReleaseDiskAsync()
    {
        if (_disk is not { } disk) return;
        _disk = null;
        await disk.CloseAsync();
    }

    /// <summary>Has been given everything that it missed.</summary>
    public void Complete()
    {
        Check.That(IsRebuilding);
        MissingFrom = 0;
    }

    /// <summary>Device offset of a sector of the data area.</summary>
    public static long OffsetOf(long sector) => Layout.DataStartBytes + (sector << Layout.SectorShift);

    public ValueTask<IoStatus> ReadAsync(long offsetBytes, IoSlice into) => _disk is null
        ? Gone()
        : Track(DeviceRequestKind.Read, Begin(offsetBytes + into.LengthBytes),
            _disk.ReadAsync(offsetBytes, into));

    public ValueTask<IoStatus> ReadAsync(long offsetBytes, ReadOnlySpan<IoSlice> into) => _disk is null
        ? Gone()
        : Track(
            DeviceRequestKind.Read, Begin(offsetBytes + LengthOf(into)), _disk.ReadAsync(offsetBytes, into));

    public ValueTask<IoStatus> WriteAsync(long offsetBytes, IoSlice from) => _disk is null
        ? Gone()
        : Track(DeviceRequestKind.Write, Begin(offsetBytes + from.LengthBytes),
            _disk.WriteAsync(offsetBytes, from));

    public ValueTask<IoStatus> WriteAsync(long offsetBytes, ReadOnlySpan<IoSlice> from) => _disk is null
        ? Gone()
        : Track(DeviceRequestKind.Write, Begin(offsetBytes + LengthOf(from)),
            _disk.WriteAsync(offsetBytes, from));

    /// <summary>Makes every write that completed before this call durable.</summary>
    public ValueTask<IoStatus> FlushAsync()
    {
        if (_disk is null) return Gone();
        if (_flushFailed) return new ValueTask<IoStatus>(IoStatus.DeviceError);
        if (_flushedWrites == _completedWrites) return new ValueTask<IoStatus>(IoStatus.Ok);
        InFlight++;
        return Track(DeviceRequestKind.Flush, _completedWrites, _disk.FlushAsync());
    }

    public ValueTask<IoStatus> DiscardAsync(long offsetBytes, long lengthBytes)
    {
        if (_disk is null) return Gone();
        if (!_disk.SupportsDiscard) return new ValueTask<IoStatus>(IoStatus.NotSupported);
        InFlight++;
        return Track(DeviceRequestKind.Discard, 0, _disk.DiscardAsync(offsetBytes, lengthBytes));
    }

    /// <summary>
    /// As <see cref="ReadAsync(long, ReadOnlySpan{IoSlice})"/>, telling an owner of several requests.
    /// </summary>
    public void Read(long offsetBytes, ReadOnlySpan<IoSlice> into, IRequestOwner owner, int tag)
    {
        if (_disk is null) owner.OnRequestEnded(tag, IoStatus.DeviceGone);
        else Track(DeviceRequestKind.Read, Begin(offsetBytes + LengthOf(into)),
            _disk.ReadAsync(offsetBytes, into), owner, tag);
    }

    /// <summary>
    /// As <see cref="WriteAsync(long, ReadOnlySpan{IoSlice})"/>, telling an owner of several requests.
    /// </summary>
    public void Write(long offsetBytes, ReadOnlySpan<IoSlice> from, IRequestOwner owner, int tag)
    {
        if (_disk is null) owner.OnRequestEnded(tag, IoStatus.DeviceGone);
        else Track(DeviceRequestKind.Write, Begin(offsetBytes + LengthOf(from)),
            _disk.WriteAsync(offsetBytes, from), owner, tag);
    }

    /// <summary>As <see cref="FlushAsync"/>, telling an owner of several requests.</summary>
    public void Flush(IRequestOwner owner, int tag)
    {
        if (_disk is null || _flushFailed || _flushedWrites == _completedWrites)
        {
            IoStatus known = _flushFailed ? IoStatus.DeviceError : IoStatus.Ok;
            owner.OnRequestEnded(tag, _disk is null ? IoStatus.DeviceGone : known);
            return;
        }

        InFlight++;
        Track(DeviceRequestKind.Flush, _completedWrites, _disk.FlushAsync(), owner, tag);
    }

    public ValueTask CloseAsync() => _disk?.CloseAsync() ?? ValueTask.CompletedTask;

    internal void OnEnded(DeviceRequestKind kind, long writesCovered, IoStatus status)
    {
        InFlight--;
        switch (kind)
        {
            case DeviceRequestKind.Read:
                if (status != IoStatus.Ok) ReadErrors++;
                break;
            case DeviceRequestKind.Write:
                _completedWrites++;
                if (status != IoStatus.Ok) WriteErrors++;
                break;
            case DeviceRequestKind.Flush when status == IoStatus.Ok:
                _flushedWrites = Math.Max(_flushedWrites, writesCovered);
                break;
            case DeviceRequestKind.Flush:
                WriteErrors++;
                _flushFailed = true;
                break;
        }
    }

    internal void Recycle(DeviceRequest request) => _idle.Push(request);

    private static ValueTask<IoStatus> Gone() => new(IoStatus.DeviceGone);

    private static long LengthOf(ReadOnlySpan<IoSlice> slices)
    {
        long lengthBytes = 0;
        foreach (IoSlice slice in slices) lengthBytes += slice.LengthBytes;
        return lengthBytes;
    }

    // Evaluated before the disk is asked, in the order of arguments.
    private long Begin(long endOffsetBytes)
    {
        InFlight++;
        LastOffsetBytes = endOffsetBytes;
        return 0;
    }

    private ValueTask<IoStatus> Track(DeviceRequestKind kind, long writesCovered, ValueTask<IoStatus> disk)
    {
        if (!disk.IsCompleted) return Rent().Start(kind, writesCovered, disk);
        IoStatus status = disk.GetAwaiter().GetResult();
        OnEnded(kind, writesCovered, status);
        return new ValueTask<IoStatus>(status);
    }

    private void Track(
        DeviceRequestKind kind, long writesCovered, ValueTask<IoStatus> disk, IRequestOwner owner, int tag)
    {
        if (!disk.IsCompleted)
        {
            Rent().Start(kind, writesCovered, disk, owner, tag);
            return;
        }

        IoStatus status = disk.GetAwaiter().GetResult();
        OnEnded(kind, writesCovered, status);
        owner.OnRequestEnded(tag, status);
    }

    private DeviceRequest Rent() =>
        _idle.TryPop(out DeviceRequest? request) ? request : new DeviceRequest(this);
}
