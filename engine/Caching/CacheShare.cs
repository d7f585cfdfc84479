using System.Runtime.InteropServices;
using Cstor.PoolLayout;

namespace Cstor.Engine.Caching;

/// <summary>One pool's use of the cache: what it asks for, and what came of it.</summary>
internal sealed class CacheShare(ReadCache cache, int number)
{
    private int _nodeFrames;
    private int _dataFrames;
    private long _dataHits;
    private long _dataMisses;
    private long _nodeHits;
    private long _nodeMisses;

    /// <summary>Tells the pools' entries apart.</summary>
    public int Number => number;

    /// <summary>Blocks that had to go for others.</summary>
    public long Evicted { get; set; }

    /// <summary>Blocks that were read ahead of a reader, and those that it then asked for.</summary>
    public long AheadRead { get; set; }

    public long AheadUsed { get; set; }

    /// <summary>Copies a block of a volume out.</summary>
    /// <param name="pointer">No hole.</param>
    /// <param name="into">The whole block.</param>
    /// <param name="isScan">In the course of a scan, which says nothing about the block.</param>
    public bool TryReadData(in BlockPointer pointer, Span<byte> into, bool isScan)
    {
        if (!cache.TryRead(this, pointer, into, isUse: !isScan)) return false;
        _dataHits++;
        return true;
    }

    /// <summary>A block was not found and is read from a device.</summary>
    public void NoteDataMiss() => _dataMisses++;

    /// <summary>Whether a block is cached, for whoever would read it ahead.</summary>
    public bool Contains(in BlockPointer pointer) => cache.Contains(this, pointer);

    /// <summary>Takes a verified block of a volume in.</summary>
    public void InsertData(in BlockPointer pointer, ReadOnlySpan<byte> contents) =>
        cache.Insert(this, pointer, contents, isNode: false, isPassing: false);

    /// <summary>
    /// A verified block that a scan read in a long run: cheap to read again, so it is taken in only if that
    /// happens.
    /// </summary>
    public void InsertScanned(in BlockPointer pointer, ReadOnlySpan<byte> contents) =>
        cache.InsertIfMissed(this, pointer, contents);

    /// <summary>Finds a child's pointer in a cached node.</summary>
    public bool TryFindChild(in BlockPointer node, int child, out BlockPointer pointer)
    {
        if (!cache.TryPeek(this, node, child * BlockPointer.Bytes, BlockPointer.Bytes, out var bytes))
        {
            _nodeMisses++;
            pointer = default;
            return false;
        }

        _nodeHits++;
        pointer = MemoryMarshal.Read<BlockPointer>(bytes);
        return true;
    }

    /// <summary>Copies a whole node out.</summary>
    public bool TryReadNode(in BlockPointer node, Span<byte> into)
    {
        bool isFound = cache.TryRead(this, node, into, isUse: true);
        if (isFound) _nodeHits++;
        else _nodeMisses++;
        return isFound;
    }

    /// <summary>Takes a verified node in.</summary>
    /// <param name="pointer">Its pointer.</param>
    /// <param name="contents">The node.</param>
    /// <param name="isPassing">Its volume shall not be cached: the first to leave.</param>
    public void InsertNode(in BlockPointer pointer, ReadOnlySpan<byte> contents, bool isPassing = false) =>
        cache.Insert(this, pointer, contents, isNode: true, isPassing);

    /// <summary>Takes of the memory that may be used to read ahead.</summary>
    public bool TryTakeAhead(int bytes) => cache.TryTakeAhead(bytes);

    /// <summary>Gives it back.</summary>
    public void ReturnAhead(int bytes) => cache.TryTakeAhead(-bytes);

    /// <summary>The pool is closed.</summary>
    public void Close() => cache.Close(this);

    public CacheStatus Status() => new(
        (long)_nodeFrames * FrameStore.FrameBytes,
        (long)_dataFrames * FrameStore.FrameBytes,
        cache.HeldBytes,
        cache.AllowedBytes,
        cache.LimitBytes,
        _nodeHits,
        _nodeMisses,
        _dataHits,
        _dataMisses,
        AheadRead,
        AheadUsed,
        Evicted,
        cache.GivenBackBytes);

    /// <summary>Frames taken or, negative, freed.</summary>
    internal void NoteHeld(int frames, bool isNode)
    {
        if (isNode) _nodeFrames += frames;
        else _dataFrames += frames;
    }
}
