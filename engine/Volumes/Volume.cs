using System.Runtime.CompilerServices;
using Cstor.Engine.Host;
using Cstor.Engine.Pools;
using Cstor.Engine.Replicas;
using Cstor.Engine.Space;
using Cstor.Engine.Statistics;
using Cstor.Engine.Streams;
using Cstor.Engine.Trees;
using Cstor.Engine.Versions;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Records;

namespace Cstor.Engine.Volumes;

/// <summary>
/// A thin volume of a pool. What a block is, is said by the newest of three: pointers that became visible
/// since the last checkpoint or snapshot, the layers before that, and the durable tree.
/// </summary>
public sealed class Volume : Dataset, IBlockVolume
{
    private readonly PoolCore _pool;
    private readonly Action<BlockPointer> _freeReplaced;
    private readonly ExtentFinder _extents;

    internal Volume(PoolCore pool, uint slot, in DatasetRecord record, LayeredTree tree)
        : base(pool, slot, record, tree)
    {
        _pool = pool;
        Parts = new WriteBackParts(pool.WriteBack);
        Reader = new VolumeReader(this, pool);
        Writer = new VolumeWriter(this, pool);
        _extents = new ExtentFinder(this, pool);
        _freeReplaced = FreeReplaced;
        Receiving = ReceivingMark.Of(record);
        Guarantee = new SpaceGuarantee(pool.Allocator);
    }

    public override string Name => $"{_pool.Devices.PoolName}/{ShortName}";

    public bool IsReadOnly => Record.ReadOnly != 0 || IsReceiving || _pool.IsReadOnly;

    /// <summary>A stream into it has not come to its end: it takes no changes.</summary>
    public bool IsReceiving => IsBeingReceived || Receiving is not null;

    /// <summary>What stream that is, and how far it came; see <see cref="StreamReceiver"/>.</summary>
    internal ReceivingMark? Receiving { get; private set; }

    /// <summary>That stream is coming in now.</summary>
    internal bool IsBeingReceived { get; set; }

    public int SpaceWarnings { get; internal set; }

    public VolumeTimes Times { get; } = new();

    public bool IsFullyReserved => Record.ReservationBytes == DatasetRecord.ReserveAll;

    public VolumeRoom? Room => _pool.Warnings.RoomFor(this);

    public string Reservations => VolumeProperties.Reservations(Record);

    public int ReservationsMaximumBytes => _pool.IsReadOnly ? 0 : VolumeProperties.ReservationsRoom(Record);

    internal override Volume LineOwner => this;

    /// <summary>What it is sure of.</summary>
    internal SpaceGuarantee Guarantee { get; }

    /// <summary>Share of the pool in use from which on the operator and initiators are told; 0 for none.
    /// </summary>
    internal int WarnAtPercent { get; set; }

    /// <summary>They were told, and it is not clearly below again.</summary>
    internal bool IsSpaceShort { get; set; }

    /// <summary>How far it has come as a replica; see <see cref="Replica"/>.</summary>
    internal ReplicaPosition Position
    {
        get => new(Record.ReplicaEpoch, Record.ReplicaIndex);
        set => (Record.ReplicaEpoch, Record.ReplicaIndex) = (value.Epoch, value.Index);
    }

    internal CompressionKind Compression => Record.Compression;

    internal int CompressionLevel => Record.CompressionLevel;

    internal CachePolicy CachePolicy => Record.Cache;

    internal VolumeReader Reader { get; }

    internal VolumeWriter Writer { get; }

    /// <summary>Parts of blocks that are newer than their blocks' pointers.</summary>
    internal WriteBackParts Parts { get; }

    internal BlockLocks Locks { get; } = new();

    /// <summary>Pointers that became visible since the last checkpoint or snapshot.</summary>
    internal PendingMap Pending { get; private set; } = new();

    /// <summary>Reads and changes that have not ended; the volume's memory may go only at zero.</summary>
    internal int RequestsUnderWay { get; set; }

    /// <summary>How often its size changed since it was opened.</summary>
    internal ulong Resizes { get; set; }

    public ValueTask<IoStatus> ReadAsync(long offsetBytes, IoSlice into)
    {
        if (IsClosed) return new ValueTask<IoStatus>(IoStatus.Closed);
        if (!IsInside(offsetBytes, into.LengthBytes)) return new ValueTask<IoStatus>(IoStatus.OutOfRange);
        _pool.ForegroundRequests++;
        return Reader.ReadAsync(offsetBytes, into);
    }

    public ValueTask<IoStatus> WriteAsync(long offsetBytes, IoSlice from, bool durable) =>
        WriteAsync(offsetBytes, from, durable, isAtomic: false);

    public int AtomicBytes => Math.Max(AtomicWriter.MostBytes, BlockSizeBytes);

    public ValueTask<IoStatus> WriteAtomicAsync(long offsetBytes, IoSlice from, bool durable)
    {
        bool isWhole = ((offsetBytes | (long)from.LengthBytes) & (BlockSizeBytes - 1)) == 0;
        return isWhole && from.LengthBytes <= AtomicBytes
            ? WriteAsync(offsetBytes, from, durable, isAtomic: true)
            : new ValueTask<IoStatus>(IoStatus.OutOfRange);
    }

    public async ValueTask<IoStatus> UnmapAsync(long offsetBytes, long lengthBytes)
    {
        IoStatus refusal = RefusalOfChange(offsetBytes, lengthBytes);
        if (refusal != IoStatus.Ok || lengthBytes == 0) return refusal;
        BlockRange range = Touched(offsetBytes, lengthBytes);
        _pool.ForegroundRequests++;
        RequestsUnderWay++;
        // In line with other changes before anything else: overlapping ones take effect in order of call.
        await Locks.AcquireAsync(range);
        if (_pool.Writer.IsHeld) await WaitWhileHeldAsync();
        IoStatus status = RefusalOfChange(offsetBytes, lengthBytes);
        if (status == IoStatus.Ok) status = await UnmapLockedAsync(offsetBytes, offsetBytes + lengthBytes);
        Locks.Release(range);
        RequestsUnderWay--;
        return status == IoStatus.Ok && Record.Sync == SyncMode.Always ? await FlushAsync() : status;
    }

    public ValueTask<IoStatus> FlushAsync()
    {
        if (_pool.Stopped != IoStatus.Ok) return new ValueTask<IoStatus>(_pool.Stopped);
        if (Record.Sync == SyncMode.Disabled || _pool.Log is null)
            return new ValueTask<IoStatus>(IoStatus.Ok);
        return _pool.Log.CommitAsync();
    }

    public ValueTask<VolumeExtent> FindExtentAsync(long offsetBytes, long limitBytes) =>
        _extents.FindAsync(offsetBytes, limitBytes);

    public async ValueTask<IoStatus> SaveReservationsAsync(string text)
    {
        if (IsClosed) return IoStatus.Closed;
        if (_pool.Stopped != IoStatus.Ok) return _pool.Stopped;
        if (_pool.IsReadOnly || _pool.Log is null) return IoStatus.ReadOnly;
        DatasetRecord record = Record;
        if (!VolumeProperties.TrySetReservations(ref record, text)) return IoStatus.NoSpace;
        ApplySettings(record);
        _pool.Log.AppendDatasetPut(Slot, RecordNow());
        return await _pool.Log.CommitAsync();
    }

    public VolumeStatus Status() => VolumeStatusText.Describe(this);

    public override void Dispose()
    {
        base.Dispose();
        Parts.Clear();
        Reader.Dispose();
        Writer.Dispose();
        Pending.Dispose();
    }

    internal override void ApplySettings(in DatasetRecord settings)
    {
        base.ApplySettings(settings);
        Receiving = ReceivingMark.Of(settings);
    }

    internal long NowNanoseconds => _pool.Loop.NowNanoseconds;

    /// <summary>Completes when the pool takes changes again.</summary>
    internal async ValueTask WaitWhileHeldAsync()
    {
        long began = NowNanoseconds;
        await _pool.Writer.WaitWhileHeldAsync();
        Times.Add(IoStage.Held, NowNanoseconds - began);
    }

    /// <summary>The block's pointer, or (false) that of the tree node that must be loaded first.</summary>
    internal bool TryFind(ulong block, out BlockPointer pointer) =>
        Pending.TryGet(block, out pointer) || Tree.TryFind(_pool.Trees, block, out pointer);

    /// <summary>Makes a written block visible and logs it.</summary>
    internal void Publish(ulong block, in BlockPointer pointer)
    {
        Enter(block, pointer);
        _pool.Log!.AppendWrite(Slot, block, pointer);
        _pool.Dirtied();
    }

    /// <summary>
    /// How often several blocks became visible at once: a reader that waited between looking up the blocks of
    /// one request looks again if this has changed.
    /// </summary>
    internal ulong AtomicVersion { get; private set; }

    /// <summary>Makes blocks visible and logs them, in one batch that a crash leaves whole or not at all.
    /// </summary>
    internal void PublishTogether(ulong firstBlock, ReadOnlySpan<BlockPointer> pointers)
    {
        AtomicVersion = unchecked(AtomicVersion + 1);
        _pool.Log!.BeginBatch();
        for (int i = 0; i < pointers.Length; i++)
        {
            ulong block = firstBlock + (ulong)i;
            if (pointers[i].IsHole)
            {
                EnterHoles(new BlockRange(block, 1));
                _pool.Log.AppendUnmap(Slot, block, 1);
                continue;
            }

            Enter(block, pointers[i]);
            _pool.Log.AppendWrite(Slot, block, pointers[i]);
        }

        _pool.Log.EndBatch();
        _pool.Dirtied();
    }

    /// <summary>Makes a range holes and logs it.</summary>
    internal void PublishHoles(BlockRange range)
    {
        EnterHoles(range);
        _pool.Log!.AppendUnmap(Slot, range.First, range.Count);
        _pool.Dirtied();
    }

    /// <summary>Makes a block visible without logging it: replay.</summary>
    internal void Enter(ulong block, in BlockPointer pointer)
    {
        int before = Pending.Weight;
        BlockPointer old = Pending.Set(block, pointer);
        _pool.PendingCount += Pending.Weight - before;
        if (!old.IsHole) _pool.Ledger.Freed(old);
        if (!pointer.IsHole) _pool.Ledger.Allocated(pointer);
        IsDirty = true;
        Parts.Drop(block);
    }

    /// <summary>Makes a range holes without logging it: replay, destroy.</summary>
    internal void EnterHoles(BlockRange range)
    {
        int before = Pending.Weight;
        Pending.Unmap(range, _freeReplaced);
        _pool.PendingCount += Pending.Weight - before;
        IsDirty = true;
        Parts.Drop(range);
    }

    /// <summary>
    /// What is pending becomes a layer, the last one of a version that ends here: of a snapshot, or of the
    /// volume as a checkpoint finds it.
    /// </summary>
    /// <param name="owner">That version.</param>
    /// <param name="epoch">Last epoch of what is pending.</param>
    internal void Seal(Dataset owner, ulong epoch)
    {
        if (Pending.IsEmpty) return;
        Tree.Add(new Layer(Pending, owner, epoch, TreeGeometry.HeightFor(BlockCount)));
        Pending = new PendingMap();
    }

    [AsyncMethodBuilder(typeof(LoopMethodBuilder<>))]
    private async ValueTask<IoStatus> WriteAsync(
        long offsetBytes, IoSlice from, bool durable, bool isAtomic)
    {
        IoStatus refusal = RefusalOfChange(offsetBytes, from.LengthBytes);
        if (refusal != IoStatus.Ok) return refusal;
        if (from.LengthBytes == 0) return durable ? await FlushAsync() : IoStatus.Ok;
        BlockRange range = Touched(offsetBytes, from.LengthBytes);
        bool mustFlush = durable || Record.Sync == SyncMode.Always;
        _pool.ForegroundRequests++;
        RequestsUnderWay++;
        long began = NowNanoseconds;
        ValueTask locked = Locks.AcquireAsync(range);
        bool isFirst = locked.IsCompleted;
        await locked;
        if (!isFirst) began = EndStage(IoStage.Overlap, began);
        IoStatus status = RefusalOfChange(offsetBytes, from.LengthBytes);
        if (status == IoStatus.Ok)
            status = isAtomic
                ? await Writer.Atomic.WriteAsync((ulong)(offsetBytes >> BlockShift), from)
                : await Writer.WriteAsync(offsetBytes, from, mustFlush);

        Locks.Release(range);
        RequestsUnderWay--;
        began = EndStage(IoStage.Place, began);
        if (status != IoStatus.Ok || !mustFlush) return status;
        status = await FlushAsync();
        EndStage(IoStage.Commit, began);
        return status;
    }

    /// <returns>Now, when the next stage begins.</returns>
    private long EndStage(IoStage stage, long began)
    {
        long now = NowNanoseconds;
        Times.Add(stage, now - began);
        return now;
    }

    private void FreeReplaced(BlockPointer pointer) => _pool.Ledger.Freed(pointer);

    private async ValueTask<IoStatus> UnmapLockedAsync(long start, long end)
    {
        long mask = BlockSizeBytes - 1;
        long wholeStart = (start + mask) & ~mask;
        long wholeEnd = end & ~mask;
        if (wholeStart > wholeEnd)
            return await Writer.ZeroPartAsync((ulong)(start >> BlockShift), (int)(start & mask),
                (int)(end - start));
        IoStatus status = IoStatus.Ok;
        if (start < wholeStart)
            status = await Writer.ZeroPartAsync((ulong)(start >> BlockShift), (int)(start & mask),
                (int)(wholeStart - start));
        if (status == IoStatus.Ok && wholeEnd < end)
            status = await Writer.ZeroPartAsync((ulong)(end >> BlockShift), 0, (int)(end - wholeEnd));
        if (status == IoStatus.Ok && wholeStart < wholeEnd)
            PublishHoles(new BlockRange((ulong)(wholeStart >> BlockShift),
                (ulong)((wholeEnd - wholeStart) >> BlockShift)));
        return status;
    }

    private IoStatus RefusalOfChange(long offsetBytes, long lengthBytes)
    {
        if (IsClosed) return IoStatus.Closed;
        if (_pool.Stopped != IoStatus.Ok) return _pool.Stopped;
        if (IsReadOnly) return IoStatus.ReadOnly;
        return IsInside(offsetBytes, lengthBytes) ? IoStatus.Ok : IoStatus.OutOfRange;
    }

    private bool IsInside(long offsetBytes, long lengthBytes) =>
        offsetBytes >= 0 && lengthBytes >= 0 && offsetBytes <= SizeBytes
            && lengthBytes <= SizeBytes - offsetBytes;

    private BlockRange Touched(long offsetBytes, long lengthBytes)
    {
        ulong first = (ulong)(offsetBytes >> BlockShift);
        ulong last = (ulong)((offsetBytes + lengthBytes - 1) >> BlockShift);
        return new BlockRange(first, last - first + 1);
    }
}
