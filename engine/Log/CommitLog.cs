using System.Runtime.InteropServices;
using Cstor.Engine.Blocks;
using Cstor.Engine.Host;
using Cstor.Engine.Space;
using Cstor.Engine.Vdevs;
using Cstor.Engine.Volumes;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Records;

namespace Cstor.Engine.Log;

/// <summary>
/// Makes changes durable before the tree has them. Records of everything that became visible are gathered
/// in a group; a commit seals it, writes it in two copies and flushes the devices once for all who wait
/// (group commit).
/// </summary>
/// <remarks>
/// Why a crash is safe: a record is appended only after the data it names was written, so the flush that
/// follows the group covers both. A group says how far everything before it was flushed; replay takes later
/// ones only if the data they name verifies, and nothing after the first that does not. Sequence, generation
/// and the predecessor's checksum keep leftovers of reused segments out.
///
/// Parts of blocks are visible before they have a record, so whatever is sealed takes all parts along that
/// no log has yet. Several groups may be needed for that; they are one batch, which replay takes whole or not
/// at all. A batch ends with a commit or a freeze, for parts that are written back before that need not be
/// logged. So what comes back is a prefix of the history that contains every acknowledged flush.
///
/// A vdev for the log alone may be lost with what is on it. Everything is still in memory, so a checkpoint
/// makes it durable without the log: its freeze begins anew in segments elsewhere, and the root names these.
/// From the loss of both copies of any segment until that root is durable no commit is acknowledged, for the
/// old root leads to groups that cannot be read. If the machine stops before, the import finds the root's log
/// on a vdev that is out of use, and refuses.
/// </remarks>
internal sealed class CommitLog : PendingIo, ITurnEnd
{
    /// <summary>Volumes that can be snapshotted at one instant: what one group holds.</summary>
    public const int SnapshotsAtOnce =
        (Layout.LogGroupMaximumBytes - LogGroupHeader.Bytes) / LogSnapshotRecord.Bytes;

    private readonly ILoop _loop;
    private readonly PoolDevices _devices;
    private readonly SpaceAllocator _allocator;
    private readonly SpaceLedger _ledger;
    private readonly byte[] _scratch = new byte[LogGroupHeader.Bytes];
    private readonly Stack<GroupWrite> _freeWrites = [];
    private readonly Stack<LoopWaiter> _freeWaiters = [];
    private readonly Queue<TakenSegment> _segments = [];
    private readonly List<LoopWaiter> _stranded = [];
    private List<LoopWaiter> _joining = [];
    private List<LoopWaiter> _flushing = [];
    private IoBuffer _open;
    private LogGroupHeader _header;
    private TakenSegment _current;
    private TakenSegment _ahead;
    private int _knownLosses;
    private bool _isBroken;
    private bool _isRestarting;
    private int _offset;
    private ulong _sequence;
    private ulong _flushedThrough;
    private ulong _flushTarget;
    private Hash128 _previousChecksum;
    private int _writesUnderWay;
    private int _writesAwaited;
    private TaskCompletionSource? _writtenOut;
    private ulong _frozenAt;
    private int _writesSinceFreeze;
    private bool _isBatching;
    private bool _isBatchOpen;
    private bool _deferred;
    private bool _isFlushing;

    private CommitLog(
        ILoop loop, PoolDevices devices, SpaceAllocator allocator, SpaceLedger ledger, ulong generation,
            ulong sequence)
    {
        _loop = loop;
        _devices = devices;
        _allocator = allocator;
        _ledger = ledger;
        Generation = generation;
        _sequence = sequence;
        _flushedThrough = sequence - 1;
        _open = loop.Buffers.Rent(Layout.LogGroupMaximumBytes);
    }

    public ulong Generation { get; }

    /// <summary>Bytes that an import would have to replay.</summary>
    public long LengthBytes { get; private set; }

    /// <summary>Bytes written to devices since import, both copies.</summary>
    public long WrittenBytes { get; private set; }

    /// <summary>
    /// Anything but Ok: a write of the log failed, and nothing can be made durable any more.
    /// </summary>
    public IoStatus Status { get; private set; }

    /// <summary>Called once when the log fails.</summary>
    public Action<IoStatus> Failed { get; set; } = static _ => { };

    /// <summary>What a commit brings along with its bytes.</summary>
    public WriteBack? Parts { get; set; }

    /// <summary>Told when <see cref="MustRestart"/> becomes true.</summary>
    public Action RestartWanted { get; set; } = static () => { };

    /// <summary>
    /// A copy of a segment is lost: the next checkpoint begins the log anew, and should soon.
    /// </summary>
    public bool MustRestart { get; private set; }

    /// <summary>Whether anything is not durable yet.</summary>
    public bool IsDirty =>
        _header.RecordCount > 0 || _isBatchOpen || _flushedThrough + 1 < _sequence
        || Parts is { HasUnlogged: true };

    /// <summary>Commits that wait to be durable.</summary>
    public int WaiterCount => _joining.Count + _flushing.Count;

    /// <summary>Begins a new log in two fresh segments, or null when there is no room.</summary>
    public static CommitLog? TryBegin(
        ILoop loop, PoolDevices devices, SpaceAllocator allocator, SpaceLedger ledger, ulong generation,
            ulong sequence)
    {
        CommitLog log = new(loop, devices, allocator, ledger, generation, sequence);
        if (log.TryAllocateNext() && log.TryAdvance()) return log;
        log._open.Release();
        return null;
    }

    /// <summary>Appends: this block has this pointer now.</summary>
    public void AppendWrite(uint slot, ulong block, in BlockPointer pointer)
    {
        Span<byte> record = Reserve(LogRecordKind.Write, slot);
        ref LogWriteRecord write = ref MemoryMarshal.AsRef<LogWriteRecord>(record);
        write.Block = block;
        write.Pointer = pointer;
    }

    /// <summary>Appends: these blocks are holes now.</summary>
    public void AppendUnmap(uint slot, ulong firstBlock, ulong blockCount)
    {
        Span<byte> record = Reserve(LogRecordKind.Unmap, slot);
        ref LogUnmapRecord unmap = ref MemoryMarshal.AsRef<LogUnmapRecord>(record);
        unmap.FirstBlock = firstBlock;
        unmap.BlockCount = blockCount;
    }

    /// <summary>What is appended up to <see cref="EndBatch"/> counts after a crash as a whole or not at all.
    /// Nothing may be awaited between.</summary>
    public void BeginBatch() => _isBatching = true;

    public void EndBatch() => _isBatching = false;

    /// <summary>Appends: this dataset exists with these settings.</summary>
    public void AppendDatasetPut(uint slot, in DatasetRecord dataset) =>
        dataset.Write(Reserve(LogRecordKind.DatasetPut, slot)[LogRecordHeader.Bytes..]);

    /// <summary>Appends: this part of a block has these bytes now.</summary>
    public void AppendPart(uint slot, ulong block, int offsetBytes, ReadOnlySpan<byte> bytes)
    {
        Span<byte> record = Reserve(LogRecordKind.Part, slot, bytes.Length);
        ref LogPartRecord part = ref MemoryMarshal.AsRef<LogPartRecord>(record);
        part.Block = block;
        part.OffsetBytes = (uint)offsetBytes;
        part.DataBytes = (uint)bytes.Length;
        bytes.CopyTo(record[LogPartRecord.Bytes..]);
    }

    /// <summary>Appends: the replica holds every entry of its group up to this one.</summary>
    public void AppendPosition(uint slot, ulong epoch, ulong index)
    {
        Span<byte> record = Reserve(LogRecordKind.Position, slot);
        ref LogPositionRecord position = ref MemoryMarshal.AsRef<LogPositionRecord>(record);
        position.Epoch = epoch;
        position.Index = index;
    }

    /// <summary>
    /// Writes all there is, and completes when everything since the freeze is written: a flush of the devices
    /// makes it durable. What came before has no more to be.
    /// </summary>
    public async ValueTask<IoStatus> WriteOutAsync()
    {
        Check.That(_writtenOut is null);
        Seal();
        if (_writesSinceFreeze > 0)
        {
            _writtenOut = new TaskCompletionSource();
            await _writtenOut.Task;
        }

        return Status;
    }

    /// <summary>
    /// Appends what was snapshotted at one instant, in a group of its own: after a crash all of it counts or
    /// nothing.
    /// </summary>
    /// <param name="snapshots">Volume's slot and record, at most <see cref="SnapshotsAtOnce"/>.</param>
    public void AppendSnapshots(ReadOnlySpan<(uint Slot, LogSnapshotRecord Record)> snapshots)
    {
        Check.That(snapshots.Length <= SnapshotsAtOnce);
        Seal();
        foreach ((uint slot, LogSnapshotRecord record) in snapshots)
            Append(LogRecordKind.Snapshot, slot, record);
        Seal();
    }

    /// <summary>Appends: this volume is again what its snapshot is.</summary>
    public void AppendRollback(uint slot, in LogRollbackRecord rollback) =>
        Append(LogRecordKind.Rollback, slot, rollback);

    /// <summary>Appends: this clone has taken over its origin's line.</summary>
    public void AppendPromote(uint slot) => Reserve(LogRecordKind.Promote, slot);

    /// <summary>
    /// Completes when everything appended so far is durable, together with the data it names.
    /// </summary>
    public ValueTask<IoStatus> CommitAsync()
    {
        if (Status != IoStatus.Ok) return new ValueTask<IoStatus>(Status);
        NoticeLosses();
        if (!IsDirty && !_isBroken && !_isRestarting) return new ValueTask<IoStatus>(IoStatus.Ok);
        if (!_freeWaiters.TryPop(out LoopWaiter? waiter)) waiter = new LoopWaiter(_freeWaiters);
        _joining.Add(waiter);
        DeferOnce();
        return waiter.Task;
    }

    /// <summary>
    /// Begins a checkpoint: what was appended so far will be in the tree. Freezes the ledger with it,
    /// behind the segments that the position names, and frees the segments before the current one in its
    /// frozen part.
    /// </summary>
    /// <returns>Where replay would begin after this checkpoint.</returns>
    public LogPosition Freeze()
    {
        Seal();
        Parts?.MarkUnlogged();
        NoticeLosses();
        if (MustRestart) Restart();
        _frozenAt = _sequence;
        _writesSinceFreeze = 0;
        _ledger.Freeze();
        while (_segments.Count > 1)
        {
            LogSegment old = _segments.Dequeue().Segment;
            _ledger.FrozenFreedSegment(old.Place0, _allocator.SegmentSectorsOf(old.Place0));
            _ledger.FrozenFreedSegment(old.Place1, _allocator.SegmentSectorsOf(old.Place1));
        }

        LengthBytes = 0;
        return new LogPosition(
            Generation, _sequence, _current.Segment, _ahead.Segment, _offset, _previousChecksum);
    }

    /// <summary>The root of the last freeze is durable.</summary>
    public void OnPublished()
    {
        if (!_isRestarting) return;
        _isRestarting = false;
        NoticeLosses();
        if (!_isBroken) CompleteStranded();
    }

    /// <summary>The pool has stopped: whoever waits for a restart learns of it.</summary>
    public void GiveUp(IoStatus status)
    {
        if (!MustRestart && !_isRestarting) return;
        Fail(status);
        CompleteStranded();
    }

    /// <summary>Looks whether a vdev was lost that the log is on.</summary>
    public void NoticeLosses()
    {
        if (_devices.LossCount == _knownLosses) return;
        _knownLosses = _devices.LossCount;
        int lost = LostCopies(_ahead);
        foreach (TakenSegment segment in _segments) lost = Math.Max(lost, LostCopies(segment));
        _isBroken |= lost == 2;
        if (lost == 0 || MustRestart) return;
        MustRestart = true;
        RestartWanted();
    }

    public void OnTurnEnd()
    {
        _deferred = false;
        if (_isFlushing || _joining.Count == 0) return;
        _isFlushing = true;
        (_joining, _flushing) = (_flushing, _joining);
        Seal();
        _flushTarget = _sequence - 1;
        _writesAwaited = _writesUnderWay;
        if (_writesAwaited == 0) FlushDevices();
    }

    /// <summary>No write and no flush is under way.</summary>
    public bool IsIdle => _writesUnderWay == 0 && !_isFlushing && _joining.Count == 0;

    /// <summary>Gives the buffer back. Nothing may be under way.</summary>
    public void Close()
    {
        Check.That(IsIdle);
        _open.Release();
    }

    internal void GroupEnded(GroupWrite write, IoStatus status)
    {
        _freeWrites.Push(write);
        _writesUnderWay--;
        if (write.Sequence >= _frozenAt && --_writesSinceFreeze == 0 && _writtenOut is { } writtenOut)
        {
            _writtenOut = null;
            _loop.Post(writtenOut.SetResult);
        }

        NoticeLosses();
        bool isLost = !_devices.Stands(write.Vdev) || _devices.Losses(write.Vdev) != write.Losses;
        if (status != IoStatus.Ok && !isLost) Fail(status);
        if (!_isFlushing || write.Sequence > _flushTarget || --_writesAwaited > 0) return;
        FlushDevices();
    }

    protected override void OnCompleted(IoStatus status)
    {
        if (status != IoStatus.Ok) Fail(status);
        NoticeLosses();
        bool mustWait = Status == IoStatus.Ok && (_isBroken || _isRestarting);
        if (Status == IoStatus.Ok && !mustWait) _flushedThrough = _flushTarget;
        _isFlushing = false;
        List<LoopWaiter> done = _flushing;
        if (_joining.Count > 0) DeferOnce();
        if (mustWait) _stranded.AddRange(done);
        for (int i = 0; i < done.Count && !mustWait; i++) done[i].Complete(Status);
        done.Clear();
    }

    private void CompleteStranded()
    {
        LoopWaiter[] done = [.. _stranded];
        _stranded.Clear();
        foreach (LoopWaiter waiter in done) waiter.Complete(Status);
    }

    private int LostCopies(in TakenSegment taken) =>
        (_devices.Losses(taken.Segment.Place0.Vdev) != taken.Losses0 ? 1 : 0)
        + (_devices.Losses(taken.Segment.Place1.Vdev) != taken.Losses1 ? 1 : 0);

    // The segments so far are left behind, the one allocated ahead too.
    private void Restart()
    {
        _segments.Enqueue(_ahead);
        if (!TryAllocateNext() || !TryAdvance())
        {
            Fail(IoStatus.NoSpace);
            return;
        }

        MustRestart = _isBroken = false;
        _isRestarting = true;
    }

    private void Append<T>(LogRecordKind kind, uint slot, in T value)
        where T : struct
    {
        Span<byte> record = Reserve(kind, slot);
        LogRecordHeader header = MemoryMarshal.Read<LogRecordHeader>(record);
        MemoryMarshal.Write(record, in value);
        MemoryMarshal.Write(record, in header);
    }

    private void FlushDevices()
    {
        if (Status != IoStatus.Ok) OnCompleted(Status);
        else Watch(_devices.FlushAsync());
    }

    private Span<byte> Reserve(LogRecordKind kind, uint slot, int dataBytes = 0)
    {
        int bytes = LogRecordHeader.LengthOf(kind) + dataBytes;
        int used = LogGroupHeader.Bytes + (int)_header.RecordBytes;
        if (used + bytes > Layout.LogGroupMaximumBytes)
        {
            // The parts that no log has yet come with the end of the batch: most are written back by then.
            SealGroup(isContinued: _isBatching || Parts is { HasUnlogged: true });
            used = LogGroupHeader.Bytes;
        }

        _header.RecordBytes += (uint)bytes;
        _header.RecordCount++;
        Span<byte> record = _open.Span.Slice(used, bytes);
        ref LogRecordHeader header = ref MemoryMarshal.AsRef<LogRecordHeader>(record);
        header = new LogRecordHeader { Kind = kind, LengthBytes = (ushort)bytes, Slot = slot };
        return record;
    }

    // Ends the batch: what was appended, and the parts that readers have seen meanwhile.
    private void Seal()
    {
        if (_header.RecordCount == 0 && !_isBatchOpen && Parts is not { HasUnlogged: true }) return;
        _isBatching = true;
        Parts?.AppendTo(this);
        _isBatching = false;
        SealGroup(isContinued: false);
    }

    // Gives the open group its place and number and sends both copies.
    private void SealGroup(bool isContinued)
    {
        int bytes = _header.TotalBytes;
        if (_offset + TakenBytes(bytes) > Layout.LogSegmentBytes && !TryAdvance()) Fail(IoStatus.NoSpace);
        if (Status != IoStatus.Ok)
        {
            // Nothing becomes durable any more; the records are dropped so that memory stays bounded.
            _header = default;
            return;
        }

        _header.Generation = Generation;
        _header.Sequence = _sequence;
        _header.FlushedThrough = _flushedThrough;
        _header.PreviousChecksum = _previousChecksum;
        _header.NextPlace0 = _ahead.Segment.Place0;
        _header.NextPlace1 = _ahead.Segment.Place1;
        _header.IsContinued = isContinued ? 1U : 0U;
        _previousChecksum = _header.Seal(_open.Span, _scratch);
        for (int copy = 0; copy < 2; copy++)
        {
            if (!_freeWrites.TryPop(out GroupWrite? write)) write = new GroupWrite(this);
            _writesUnderWay++;
            _writesSinceFreeze++;
            write.Start(_devices, _open, bytes, _sequence, _current.Segment.At(copy, _offset));
        }

        _isBatchOpen = isContinued;
        _sequence++;
        int taken = TakenBytes(bytes);
        _offset += taken;
        LengthBytes += taken;
        WrittenBytes += 2L * bytes;
        _header = default;
        _open.Release();
        _open = _loop.Buffers.Rent(Layout.LogGroupMaximumBytes);
    }

    // Both copies advance by what the larger one takes with its parity, so that one offset serves for both.
    private int TakenBytes(int bytes)
    {
        int sectors = bytes >> Layout.SectorShift;
        return Math.Max(
            _allocator.SectorsOf(_current.Segment.Place0, sectors),
            _allocator.SectorsOf(_current.Segment.Place1, sectors)) << Layout.SectorShift;
    }

    // The segment allocated ahead becomes the current one, and the one after it is allocated.
    private bool TryAdvance()
    {
        _current = _ahead;
        _segments.Enqueue(_current);
        _offset = 0;
        return TryAllocateNext();
    }

    private bool TryAllocateNext()
    {
        if (!_allocator.TryAllocateSegment(out BlockPlace place0, out BlockPlace place1)) return false;
        _ledger.Allocated(place0, _allocator.SegmentSectorsOf(place0));
        _ledger.Allocated(place1, _allocator.SegmentSectorsOf(place1));
        _ahead = new TakenSegment(
            new LogSegment(place0, place1), _devices.Losses(place0.Vdev), _devices.Losses(place1.Vdev));
        return true;
    }

    private void Fail(IoStatus status)
    {
        if (Status != IoStatus.Ok) return;
        Status = status;
        Failed(status);
    }

    private void DeferOnce()
    {
        if (_deferred) return;
        _deferred = true;
        _loop.Defer(this);
    }
}
