using Cstor.Engine.Host;
using Cstor.Engine.Log;
using Cstor.Engine.Pools;
using Cstor.Engine.Versions;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Labels;

namespace Cstor.Engine.Volumes;

/// <summary>
/// Parts of blocks that were written, of all volumes of a pool: kept in memory, seen by readers at once, and
/// written back in the background. So a write of a part waits for no read of the rest, and parts that come
/// soon after one another become one write of their block.
/// </summary>
/// <remarks>
/// Why nothing is lost:
/// - A commit brings the parts that no log has yet into the log with their bytes, together with all other
///   changes since the last one: after a crash these are there whole or not at all. Replay puts parts here.
/// - Whatever makes a block another one (a whole write, an unmap, its own write back) drops its parts in the
///   same step that makes it visible and appends its record: so the log has the same order.
/// - A checkpoint frees the log that has them. What is here at its freeze counts as not logged from then on,
///   and before the uberblock the log behind the freeze gets it (<see cref="CommitLog.WriteOutAsync"/>).
/// - A write back takes no lock. If a part or a whole write came since it took the bytes, its blocks are
///   given back and nothing becomes visible: an old version never comes after a newer one, nor after the
///   newer one's record.
/// - Room for the block was reserved when its first part was taken in; a pool without refuses that. What
///   cannot be written back for other reasons stays here and in the log, and is tried again.
///
/// What is here is bounded, by the room that is sure for the log too. When there is no room, or a volume is
/// being settled, a part is merged in the foreground.
/// </remarks>
internal sealed class WriteBack : ITurnEnd
{
    // Durable writes above this go where they stay, and wait for that before their pointers are logged: what
    // a second trip to the device costs is little beside their bytes, which the log would write twice more.
    // The same when many are under way, for whom the bytes are the bound and nobody feels a trip.
    private const int MaximumLoggedBytes = 16 * 1024;
    private const int MaximumLoggers = 6;

    // The same where the log has devices of its own.
    private const int MaximumBytesLoggedApart = 32 * 1024;

    // Of the log, in halves of each byte that is logged: in groups that are three quarters full at least, and
    // something for their heads. Parity comes to that.
    private const int LogHalves = 3;
    private const int LogGroupSectors = Layout.LogGroupMaximumBytes >> Layout.SectorShift;

    // Blocks that are written back side by side.
    private const int Width = 32;

    // Time in which parts of a block may become one write.
    private const long RestNanoseconds = 20_000_000;

    private const long RetryNanoseconds = 1_000_000_000;
    private const long PollNanoseconds = 100_000;

    private readonly PoolCore _pool;
    private readonly ILoopTimer _timer;
    private readonly Queue<WriteBackBlock> _waiting = [];
    private readonly List<WriteBackBlock> _failed = [];
    private readonly List<WriteBackBlock> _unlogged = [];
    private readonly List<Volume> _settled = [];
    private readonly Stack<WriteBackBlock> _free = [];
    private long _heldBytes;
    private long _partBytes;
    private long _unloggedBytes;
    private long _retryNanoseconds;
    private int _underWay;
    private int _hurries;
    private bool _isGoing;
    private bool _isClosed;

    public WriteBack(PoolCore pool)
    {
        _pool = pool;
        _timer = pool.Loop.CreateTimer(Go);
    }

    /// <summary>Blocks that will be written back.</summary>
    public int Count { get; private set; }

    /// <summary>A commit has something to bring into the log.</summary>
    public bool HasUnlogged => _unlogged.Count > 0;

    /// <summary>
    /// Segments of the log that may yet be needed for what is here: for what no log has, and for all of it in
    /// the next checkpoint.
    /// </summary>
    public int LogSegments => SegmentsFor(_unloggedBytes + _partBytes);

    /// <summary>The most that all that is here takes in a log.</summary>
    public long MostLogBytes => LogBytesFor(_partBytes);

    /// <summary>Whether whole blocks are durable sooner with their bytes in the log.</summary>
    public bool PrefersLog(int lengthBytes)
    {
        if (lengthBytes <= MaximumLoggedBytes && _pool.Log!.WaiterCount < MaximumLoggers) return true;
        if (lengthBytes > MaximumBytesLoggedApart) return false;
        for (int vdev = 0; vdev < _pool.Devices.VdevCount; vdev++)
            if (_pool.Devices.Role(vdev) == VdevRole.Log && _pool.Devices.Stands(vdev))
                return true;
        return false;
    }

    /// <summary>Takes a part of a block in. The caller holds the block.</summary>
    /// <returns>False if it must be merged in the foreground.</returns>
    public bool TryPut(Volume volume, ulong block, int within, IoSlice part)
    {
        if (_isClosed || volume.Parts.SettlersCount > 0) return false;
        WriteBackBlock? found = volume.Parts.Find(block);
        bool isNew = found is null;
        if ((isNew && !HasRoomFor(volume)) || !HasLogFor(_partBytes + part.LengthBytes)) return false;
        found ??= TryAdd(volume, block);
        if (found is null) return false;
        Put(found, within, part.Span);
        List(found);
        if (isNew) Enqueue(found);
        _pool.Dirtied();
        return true;
    }

    /// <summary>Takes a part in that the log had. False if there is no memory.</summary>
    public bool TryRestore(Volume volume, ulong block, int within, ReadOnlySpan<byte> part)
    {
        WriteBackBlock? known = volume.Parts.Find(block);
        WriteBackBlock? found = known ?? TryAdd(volume, block);
        if (found is null) return false;
        Put(found, within, part);
        if (known is null) Enqueue(found);
        return true;
    }

    /// <summary>Begins to write back what a replay has left.</summary>
    public void Start() => Go();

    /// <summary>Appends what no log has yet.</summary>
    public void AppendTo(CommitLog log)
    {
        foreach (WriteBackBlock block in _unlogged)
        {
            block.ListedAt = -1;
            _unloggedBytes -= block.UnloggedBytes;
            block.AppendTo(log);
        }

        _unlogged.Clear();
    }

    /// <summary>A checkpoint has frozen: the log before will be free.</summary>
    public void MarkUnlogged()
    {
        foreach (Dataset? dataset in _pool.Slots) (dataset as Volume)?.Parts.MarkUnlogged();
        _unloggedBytes = _partBytes;
    }

    /// <summary>
    /// Writes back all parts of some volumes. When this completes with Ok nothing is left of them, and
    /// nothing comes before the turn of the loop ends.
    /// </summary>
    public async ValueTask<IoStatus> SettleAsync(IReadOnlyList<Volume> volumes)
    {
        foreach (Volume volume in volumes) volume.Parts.SettlersCount++;
        TryAgain();
        _hurries++;
        IoStatus status = IoStatus.Ok;
        while (status == IoStatus.Ok && Remaining(volumes) > 0)
        {
            Go();
            await _pool.Loop.DelayAsync(PollNanoseconds);
            status = _pool.Stopped;
            foreach (Volume volume in volumes)
                if (status == IoStatus.Ok)
                    status = volume.Parts.Failure();
        }

        _hurries--;
        if (_settled.Count == 0) _pool.Loop.Defer(this);
        _settled.AddRange(volumes);
        return status;
    }

    /// <summary>Takes no more parts in, and writes back what can be.</summary>
    public async ValueTask CloseAsync()
    {
        _isClosed = true;
        _timer.Stop();
        TryAgain();
        _hurries++;
        while (_underWay > 0 || (_waiting.Count > 0 && !IsStill))
        {
            Go();
            await _pool.Loop.DelayAsync(PollNanoseconds);
        }
    }

    /// <summary>Gives the memory back. Nothing is under way.</summary>
    public void Dispose()
    {
        Check.That(_underWay == 0);
        foreach (Dataset? dataset in _pool.Slots) (dataset as Volume)?.Parts.Clear();
        foreach (WriteBackBlock block in _waiting) block.Release();
        foreach (WriteBackBlock block in _failed) block.Release();
        _timer.Stop();
    }

    public void OnTurnEnd()
    {
        foreach (Volume volume in _settled) volume.Parts.SettlersCount--;
        _settled.Clear();
    }

    internal void Drop(WriteBackBlock block)
    {
        Count--;
        if (block.ListedAt >= 0) Unlist(block);
        _pool.Allocator.ReservedForDataSectors -= block.ReservedSectors;
        _partBytes -= block.PartBytes;
        _unloggedBytes -= block.UnloggedBytes;
        block.Drop();
        block.Release();
    }

    internal void List(WriteBackBlock block)
    {
        if (block.ListedAt >= 0) return;
        block.ListedAt = _unlogged.Count;
        _unlogged.Add(block);
    }

    internal void Ended(WriteBackBlock block, IoStatus status)
    {
        _underWay--;
        block.Volume.RequestsUnderWay--;
        if (!block.IsDropped)
        {
            bool isOvertaken = status is IoStatus.Ok or IoStatus.Aborted;
            block.LastStatus = isOvertaken ? IoStatus.Ok : status;
            if (isOvertaken) Enqueue(block);
            else if (!_isClosed) PutAside(block);
        }

        Go();
    }

    internal void Recycle(WriteBackBlock block)
    {
        _heldBytes -= block.Volume.BlockSizeBytes;
        _free.Push(block);
    }

    private static int Remaining(IReadOnlyList<Volume> volumes)
    {
        int count = 0;
        foreach (Volume volume in volumes) count += volume.Parts.Count;
        return count;
    }

    private int SegmentsFor(long bytes) =>
        (int)((LogBytesFor(bytes) + Layout.LogSegmentBytes - 1) / Layout.LogSegmentBytes);

    private long LogBytesFor(long bytes) =>
        bytes * LogHalves * _pool.Allocator.MostSectorsOf(LogGroupSectors) / (2 * LogGroupSectors);

    private bool HasRoomFor(Volume volume)
    {
        return _heldBytes + volume.BlockSizeBytes <= _pool.Options.WriteBackBytes
            && _pool.Allocator.FreeForDataSectors - _pool.Allocator.GuaranteedSectors
                + volume.Guarantee.UnusedSectors >= SectorsOf(volume);
    }

    // As if the log had nothing of it: so its room suffices after any checkpoint, though nothing could be
    // written back.
    private bool HasLogFor(long partBytes) =>
        _pool.Allocator.SpareSegments >= CheckpointPacer.SpareSegments + SegmentsFor(2 * partBytes);

    private void Put(WriteBackBlock block, int within, ReadOnlySpan<byte> part)
    {
        _partBytes -= block.PartBytes;
        _unloggedBytes -= block.UnloggedBytes;
        block.Put(within, part);
        _partBytes += block.PartBytes;
        _unloggedBytes += block.UnloggedBytes;
    }

    private void Unlist(WriteBackBlock block)
    {
        WriteBackBlock last = _unlogged[^1];
        _unlogged[block.ListedAt] = last;
        last.ListedAt = block.ListedAt;
        block.ListedAt = -1;
        _unlogged.RemoveAt(_unlogged.Count - 1);
    }

    private int SectorsOf(Volume volume) =>
        _pool.Allocator.MostSectorsOf(volume.BlockSizeBytes >> Layout.SectorShift);

    private WriteBackBlock? TryAdd(Volume volume, ulong block)
    {
        IoBuffer? buffer = _pool.Loop.Buffers.TryRent(volume.BlockSizeBytes);
        if (buffer is null) return null;
        if (!_free.TryPop(out WriteBackBlock? added)) added = new WriteBackBlock(this);
        added.Begin(volume, block, buffer, SectorsOf(volume));
        _pool.Allocator.ReservedForDataSectors += added.ReservedSectors;
        _heldBytes += volume.BlockSizeBytes;
        Count++;
        volume.Parts.Add(added);
        return added;
    }

    private void Enqueue(WriteBackBlock block)
    {
        block.Retain();
        block.DueNanoseconds = _pool.Loop.NowNanoseconds + RestNanoseconds;
        _waiting.Enqueue(block);
        if (_waiting.Count == 1 || IsHurried) Go();
    }

    private void PutAside(WriteBackBlock block)
    {
        if (_failed.Count == 0) _retryNanoseconds = _pool.Loop.NowNanoseconds + RetryNanoseconds;
        block.Retain();
        _failed.Add(block);
    }

    private bool IsStill => _pool.Log is null || _pool.Stopped != IoStatus.Ok;

    private bool IsHurried =>
        _hurries > 0 || _pool.Writer.IsHeld || _heldBytes > _pool.Options.WriteBackBytes / 2;

    // Starts what is due, and sees to it that the rest is when it is.
    private void Go()
    {
        if (IsStill || _isGoing) return;
        _isGoing = true;
        long now = _pool.Loop.NowNanoseconds;
        if (_failed.Count > 0 && now >= _retryNanoseconds) TryAgain();
        while (_underWay < Width && _waiting.TryPeek(out WriteBackBlock? block))
        {
            if (!block.IsDropped && !IsHurried && block.DueNanoseconds > now) break;
            _waiting.Dequeue();
            if (!block.IsDropped) StartOne(block);
            block.Release();
        }

        _isGoing = false;
        if (_isClosed || _underWay == Width) return;
        long next = _waiting.TryPeek(out WriteBackBlock? first) ? first.DueNanoseconds : long.MaxValue;
        if (_failed.Count > 0) next = Math.Min(next, _retryNanoseconds);
        if (next != long.MaxValue) _timer.Start(Math.Max(1, next - now));
    }

    private void TryAgain()
    {
        foreach (WriteBackBlock block in _failed)
        {
            block.LastStatus = IoStatus.Ok;
            _waiting.Enqueue(block);
        }

        _failed.Clear();
    }

    private void StartOne(WriteBackBlock block)
    {
        _underWay++;
        block.Volume.RequestsUnderWay++;
        block.Start(block.Volume.Writer);
    }
}
