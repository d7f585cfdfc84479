// The read cache: tree nodes and data of all pools of a loop, under one bound.
//
// What it promises. A block is entered after it was verified, and is found only by a pointer with its place,
// birth and checksum: what a place held before it was freed and used again answers to nobody, so nothing has
// to be invalidated, ever. What is cached are logical bytes, so a hit costs one copy whether the block is
// compressed or not; plain blocks alike, for the memory they were read into belongs to the request. No device
// ever reads or writes a cache's memory: a disk that hangs cannot spoil it later.
//
// Who stays is decided as in S3-FIFO (Yang et al., SOSP 2023): data come into a small queue, a tenth of the
// whole, and only those used again while there get into the main one; the others leave a fingerprint, and if
// one of them comes back while it is remembered, it goes to the main queue at once. In the main queue the
// oldest goes, unless it was used since, which sends it round again. So a scan passes through a tenth, a new
// set of hot blocks takes over as soon as it is asked for twice, and a hit changes two bits: no lists to be
// reordered as with LRU or ARC, no sketch to be aged as with TinyLFU, and their hit rates are no better. A
// node goes to the main queue at once: it stands for 256 blocks.
//
// Where it lives: frames of 4 KiB outside the managed heap (FrameStore) and a table of entries linked by
// index, so the collector has nothing to do. Tables take address space for the bound, memory as they are
// used.
//
// How large it is: it takes memory as it is filled, up to the bound or to what CacheKeeper allows, which
// follows what the machine and the control group have left. Shrinking is done in steps, between which the
// loop serves others.
using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using Cstor.Engine.Host;
using Cstor.Engine.Memory;
using Cstor.PoolLayout;

namespace Cstor.Engine.Caching;

[SuppressMessage("Design", "CA1001", Justification = "What it holds goes with the last pool that closes.")]
internal sealed class ReadCache
{
    /// <summary>
    /// Memory is never so short that it gets less, so that the nodes on the way to a block stay until it is
    /// found.
    /// </summary>
    public const long MinimumBytes = 3 * FrameStore.ChunkBytes;

    private const int None = CacheQueue.None;

    // 256 GiB.
    private const int MostFrames = 1 << 26;
    private const int SmallShare = 10;
    private const long AheadLimitBytes = 16L * 1024 * 1024;
    private const int MaximumBlockFrames = Layout.MaximumBlockBytes / FrameStore.FrameBytes;

    // Used blocks that one eviction sends round again, before it takes the next one whatever it is.
    private const int MaximumSteps = 128;

    // Chunks given back before others get a turn: two milliseconds at the most.
    private const int ChunksPerTurn = 4;
    private const long TurnNanoseconds = 1_000_000;

    private readonly ILoop _loop;
    private readonly int _maximumFrames;
    private readonly CacheKeeper _keeper;
    private readonly List<CacheShare?> _shares = [];
    private FrameStore _frames = null!;
    private NativeArray<CacheEntry> _entries = null!;
    private NativeArray<int> _buckets = null!;
    private GhostTable _ghosts = null!;
    private CacheQueue _small = null!;
    private CacheQueue _main = null!;
    private int _openShares;
    private long _aheadBytes;
    private int _bucketShift;
    private int _entriesTouched;
    private int _freeEntry;
    private int _allowedFrames;
    private bool _isShrinking;

    /// <param name="loop">Whose pools it serves, and whose memory it takes.</param>
    /// <param name="limitBytes">Bound on its memory, tables included.</param>
    public ReadCache(ILoop loop, long limitBytes)
    {
        _loop = loop;
        long frames = limitBytes / (FrameStore.FrameBytes + TableBytesPerFrame);
        _maximumFrames = (int)Math.Min(frames, MostFrames);
        _keeper = new CacheKeeper(loop, this);
    }

    /// <summary>Bound on frames.</summary>
    public long LimitBytes => (long)_maximumFrames * FrameStore.FrameBytes;

    /// <summary>What it may take now.</summary>
    public long AllowedBytes => (long)_allowedFrames * FrameStore.FrameBytes;

    /// <summary>Memory taken from the system for frames.</summary>
    public long HeldBytes => _openShares == 0 ? 0 : (long)_frames.ChunkCount * FrameStore.ChunkBytes;

    /// <summary>Memory given back because the machine or the control group had little left.</summary>
    public long GivenBackBytes { get; private set; }

    private bool HasTooMuch => _frames.ChunkCount > ChunksFor(_allowedFrames);

    private static int TableBytesPerFrame =>
        FrameStore.TableBytesPerFrame + CacheEntry.Bytes + sizeof(int) + sizeof(ulong);

    /// <summary>
    /// A fault that tests plant: blocks are found by their place alone, whatever was there before.
    /// </summary>
    internal bool IsKeyedByPlaceAlone { get; set; }

    /// <summary>A pool begins to use the cache; with the first, it comes into being.</summary>
    public CacheShare Open()
    {
        if (_openShares++ == 0) Begin();
        int number = _shares.IndexOf(null);
        if (number < 0)
        {
            number = _shares.Count;
            _shares.Add(null);
        }

        CacheShare share = new(this, number);
        _shares[number] = share;
        return share;
    }

    /// <summary>A pool is closed: nothing of it stays. With the last one all memory goes back.</summary>
    public void Close(CacheShare share)
    {
        _shares[share.Number] = null;
        if (--_openShares == 0)
        {
            End();
            return;
        }

        for (int index = 0; index < _entriesTouched; index++)
            if (_entries[index] is { Frames: > 0 } entry && entry.Share == share.Number)
                Remove(index);
    }

    /// <summary>Copies a cached block out.</summary>
    /// <param name="share">Whose.</param>
    /// <param name="pointer">No hole.</param>
    /// <param name="into">Its logical length.</param>
    /// <param name="isUse">Counts for the block's stay: not that a scan came by.</param>
    public bool TryRead(CacheShare share, in BlockPointer pointer, Span<byte> into, bool isUse)
    {
        int index = Find(share, pointer);
        if (index == None) return false;
        if (isUse) NoteUse(index);
        _frames.Get(index, into);
        return true;
    }

    /// <summary>
    /// Bytes of a cached block, within a frame of it; valid until the cache is next changed.
    /// </summary>
    public bool TryPeek(
        CacheShare share, in BlockPointer pointer, int offsetBytes, int lengthBytes,
        out ReadOnlySpan<byte> part)
    {
        int index = Find(share, pointer);
        part = default;
        if (index == None) return false;
        NoteUse(index);
        part = _frames.Part(index, offsetBytes, lengthBytes);
        return true;
    }

    /// <summary>Whether a block is cached; no use of it.</summary>
    public bool Contains(CacheShare share, in BlockPointer pointer) => Find(share, pointer) != None;

    /// <summary>Takes a verified block in.</summary>
    /// <param name="share">Whose.</param>
    /// <param name="pointer">Its pointer.</param>
    /// <param name="contents">Logical bytes.</param>
    /// <param name="isNode">A node of a tree.</param>
    /// <param name="isPassing">Nobody is expected to come back for it: it leaves first.</param>
    public void Insert(
        CacheShare share, in BlockPointer pointer, ReadOnlySpan<byte> contents, bool isNode, bool isPassing)
    {
        ulong hash = HashOf(pointer.Place0.Packed, pointer.Checksum);
        bool isMain = !isPassing && (isNode || TakeGhost(hash));
        Enter(share, pointer, contents, hash, isNode, isMain);
    }

    /// <summary>
    /// A block passed by that is cheap to read again: remembered, and taken in if that was so before.
    /// </summary>
    public void InsertIfMissed(CacheShare share, in BlockPointer pointer, ReadOnlySpan<byte> contents)
    {
        ulong hash = HashOf(pointer.Place0.Packed, pointer.Checksum);
        if (TakeGhost(hash)) Enter(share, pointer, contents, hash, isNode: false, isMain: true);
        else _ghosts.Add(hash, contents.Length >> FrameStore.FrameShift);
    }

    /// <summary>
    /// Takes of what all pools may read ahead of their readers, or (negative) gives it back. The memory
    /// itself is that of requests, of which it leaves most.
    /// </summary>
    public bool TryTakeAhead(int bytes)
    {
        if (_aheadBytes + bytes > AheadLimitBytes) return false;
        _aheadBytes += bytes;
        return true;
    }

    /// <summary>Sets what it may take, and gives back what it has beyond that.</summary>
    public void Allow(long bytes)
    {
        if (_openShares == 0) return;
        long allowed = Math.Min(Math.Max(bytes, MinimumBytes), LimitBytes);
        _allowedFrames = (int)(allowed / FrameStore.FrameBytes);
        if (HasTooMuch && !_isShrinking) ShrinkAsync();
    }

    private void Begin()
    {
        int chunks = ChunksFor(_maximumFrames);
        int buckets = (int)BitOperations.RoundUpToPowerOf2((uint)_maximumFrames);
        _bucketShift = 64 - BitOperations.Log2((uint)buckets);
        _frames = new FrameStore(_loop.Memory, chunks);
        _entries = new NativeArray<CacheEntry>(chunks * FrameStore.ChunkFrames);
        _buckets = new NativeArray<int>(buckets);
        _ghosts = new GhostTable(_maximumFrames);
        _small = new CacheQueue(_entries);
        _main = new CacheQueue(_entries);
        _entriesTouched = 0;
        _freeEntry = None;
        _allowedFrames = (int)Math.Min(_maximumFrames, MinimumBytes / FrameStore.FrameBytes);
        bool isBegun = _frames.TryGrow();
        Check.That(isBegun);
    }

    private void End()
    {
        _keeper.Stop();
        _frames.Dispose();
        _entries.Dispose();
        _buckets.Dispose();
        _ghosts.Dispose();
    }

    // Buckets hold the index plus one, so that untouched memory is an empty table.
    private int Find(CacheShare share, in BlockPointer pointer)
    {
        int index = _buckets[BucketOf(HashOf(pointer.Place0.Packed, pointer.Checksum))] - 1;
        while (index != None)
        {
            ref CacheEntry entry = ref _entries[index];
            if (entry.Share == share.Number && IsSame(entry, pointer)) return index;
            index = entry.NextInBucket;
        }

        return None;
    }

    private bool TakeGhost(ulong hash) => _ghosts.Take(hash, _allowedFrames);

    private void Enter(
        CacheShare share, in BlockPointer pointer, ReadOnlySpan<byte> contents, ulong hash, bool isNode,
        bool isMain)
    {
        int frames = contents.Length >> FrameStore.FrameShift;
        if (frames > MaximumBlockFrames || Find(share, pointer) != None || !MakeRoom(frames)) return;
        int index = TakeEntry();
        ref CacheEntry entry = ref _entries[index];
        entry.Set(pointer, share.Number, frames, isNode);
        entry.IsMain = isMain;
        (isMain ? _main : _small).Add(index);
        ref int bucket = ref _buckets[BucketOf(hash)];
        entry.NextInBucket = bucket - 1;
        bucket = index + 1;
        _frames.Put(index, contents);
        share.NoteHeld(frames, isNode);
    }

    private void NoteUse(int index)
    {
        ref CacheEntry entry = ref _entries[index];
        if (entry.Uses < CacheEntry.MaximumUses) entry.Uses++;
    }

    private bool MakeRoom(int frames)
    {
        while (_frames.UsedFrames + frames > _allowedFrames)
        {
            if (_allowedFrames < _maximumFrames) _keeper.Start();
            if (!TryEvict()) return false;
        }

        while (_frames.FreeFrames < frames)
        {
            bool mayGrow = _frames.ChunkCount < ChunksFor(_allowedFrames);
            if (!(mayGrow && _frames.TryGrow()) && !TryEvict()) return false;
        }

        return true;
    }

    private bool TryEvict()
    {
        int small = _allowedFrames / SmallShare;
        for (int step = 0; ; step++)
        {
            CacheQueue queue = _small.Frames > small || _main.Oldest == None ? _small : _main;
            int index = queue.Oldest;
            if (index == None) return false;
            ref CacheEntry entry = ref _entries[index];
            if (entry.Uses == 0 || step >= MaximumSteps)
            {
                if (!entry.IsMain) _ghosts.Add(HashOf(entry.Place, entry.Checksum), entry.Frames);
                _shares[entry.Share]!.Evicted++;
                Remove(index);
                return true;
            }

            queue.Remove(index);
            entry.Uses = entry.IsMain ? entry.Uses - 1 : 0;
            entry.IsMain = true;
            _main.Add(index);
        }
    }

    private void Remove(int index)
    {
        ref CacheEntry entry = ref _entries[index];
        (entry.IsMain ? _main : _small).Remove(index);
        ref int bucket = ref _buckets[BucketOf(HashOf(entry.Place, entry.Checksum))];
        if (bucket == index + 1)
        {
            bucket = entry.NextInBucket + 1;
        }
        else
        {
            int before = bucket - 1;
            while (_entries[before].NextInBucket != index) before = _entries[before].NextInBucket;
            _entries[before].NextInBucket = entry.NextInBucket;
        }

        _frames.Remove(index);
        _shares[entry.Share]?.NoteHeld(-entry.Frames, entry.IsNode);
        entry.Frames = 0;
        entry.NextInBucket = _freeEntry;
        _freeEntry = index;
    }

    // An entry has a frame at the least, so there are as many as can be needed.
    private int TakeEntry()
    {
        if (_freeEntry == None) return _entriesTouched++;
        int index = _freeEntry;
        _freeEntry = _entries[index].NextInBucket;
        return index;
    }

    private async void ShrinkAsync()
    {
        _isShrinking = true;
        while (_openShares > 0 && HasTooMuch)
        {
            for (int i = 0; i < ChunksPerTurn && HasTooMuch; i++)
            {
                while (_frames.FreeFrames < FrameStore.ChunkFrames)
                    if (!TryEvict())
                        break;
                _frames.Shrink();
                GivenBackBytes += FrameStore.ChunkBytes;
            }

            await _loop.DelayAsync(TurnNanoseconds);
        }

        _isShrinking = false;
    }

    private static int ChunksFor(int frames) =>
        (frames + FrameStore.ChunkFrames - 1) / FrameStore.ChunkFrames;

    private ulong HashOf(ulong place, Hash128 checksum) =>
        unchecked(((IsKeyedByPlaceAlone ? 0 : checksum.Low) + place) * 0x9E3779B97F4A7C15);

    private bool IsSame(in CacheEntry entry, in BlockPointer pointer) =>
        entry.Place == pointer.Place0.Packed
            && (IsKeyedByPlaceAlone
                || (entry.Checksum == pointer.Checksum && entry.BirthEpoch == pointer.BirthEpoch));

    private int BucketOf(ulong hash) => (int)(hash >> _bucketShift);
}
