using System.Numerics;
using Cstor.Engine.Memory;
using Cstor.PoolLayout;

namespace Cstor.Engine.Trees;

/// <summary>
/// Pointers of one volume that are not yet in its tree, by block: an open-addressing table in native
/// memory, and the unmapped ranges that are too long to list block by block. A point entry is always newer
/// than a range around it, so a look-up asks the points first.
/// </summary>
internal sealed class PendingMap : IDisposable
{
    /// <summary>Unmaps of at most this many blocks become point entries.</summary>
    public const int PointUnmapBlocks = 64;

    private const int InitialSlots = 256;
    private const int RangeWeight = 32;

    // Keys are block + 1; zero is an empty slot.
    private NativeArray<ulong> _keys = new(InitialSlots);
    private NativeArray<BlockPointer> _pointers = new(InitialSlots);
    private int _mask = InitialSlots - 1;
    private readonly List<BlockRange> _unmapped = [];

    /// <summary>Point entries.</summary>
    public int Count { get; private set; }

    /// <summary>Long unmapped ranges: disjoint, ascending.</summary>
    public IReadOnlyList<BlockRange> Unmapped => _unmapped;

    /// <summary>What the map costs a checkpoint, in point entries: a long range is worth many.</summary>
    public int Weight => Count + (_unmapped.Count * RangeWeight);

    public bool IsEmpty => Count == 0 && _unmapped.Count == 0;

    /// <summary>What the volume's block is according to this map alone.</summary>
    /// <returns>False when the map does not know: ask the next older one, then the tree.</returns>
    public bool TryGet(ulong block, out BlockPointer pointer)
    {
        int slot = Find(block + 1);
        if (_keys[slot] != 0)
        {
            pointer = _pointers[slot];
            return true;
        }

        pointer = default;
        return _unmapped.Count > 0 && FirstEndingAfter(block) is var at && at < _unmapped.Count
            && _unmapped[at].Contains(block);
    }

    /// <summary>Index of the first long range that ends behind the block, or their number.</summary>
    public int FirstEndingAfter(ulong block)
    {
        int low = 0;
        int high = _unmapped.Count;
        while (low < high)
        {
            int middle = (low + high) >> 1;
            if (_unmapped[middle].End > block) high = middle;
            else low = middle + 1;
        }

        return low;
    }

    /// <summary>
    /// Whether any point entry lies in a range; looks at all of them, however small the range.
    /// </summary>
    public bool HasAnyIn(BlockRange range)
    {
        for (int slot = 0; slot <= _mask; slot++)
            if (_keys[slot] != 0 && range.Contains(_keys[slot] - 1) && !_pointers[slot].IsHole)
                return true;
        return false;
    }

    /// <summary>Sets a block's pointer.</summary>
    /// <returns>The pointer that this replaces in the map, or a hole: space to be freed.</returns>
    public BlockPointer Set(ulong block, in BlockPointer pointer)
    {
        if (Count * 4 >= (_mask + 1) * 3) Grow();
        int slot = Find(block + 1);
        BlockPointer old = default;
        if (_keys[slot] == 0)
        {
            _keys[slot] = block + 1;
            Count++;
        }
        else
        {
            old = _pointers[slot];
        }

        _pointers[slot] = pointer;
        return old;
    }

    /// <summary>Makes a range holes. Calls back for each pointer of the map that this replaces.</summary>
    public void Unmap(BlockRange range, Action<BlockPointer> replaced)
    {
        if (range.Count <= PointUnmapBlocks)
        {
            for (ulong block = range.First; block < range.End; block++)
            {
                BlockPointer old = Set(block, BlockPointer.Hole);
                if (!old.IsHole) replaced(old);
            }

            return;
        }

        for (int slot = 0; slot <= _mask; slot++)
        {
            ulong key = _keys[slot];
            if (key == 0 || !range.Contains(key - 1)) continue;
            ref BlockPointer pointer = ref _pointers[slot];
            if (!pointer.IsHole) replaced(pointer);
            pointer = BlockPointer.Hole;
        }

        AddRange(range);
    }

    /// <summary>Copies all blocks that have a point entry, unordered.</summary>
    public void CopyBlocks(Span<ulong> destination)
    {
        Check.That(destination.Length == Count);
        int next = 0;
        for (int slot = 0; slot <= _mask; slot++)
            if (_keys[slot] != 0)
                destination[next++] = _keys[slot] - 1;
    }

    public void Dispose()
    {
        _keys.Dispose();
        _pointers.Dispose();
    }

    private void AddRange(BlockRange range)
    {
        int at = 0;
        while (at < _unmapped.Count && _unmapped[at].End < range.First) at++;
        ulong first = range.First;
        ulong end = range.End;
        int merged = at;
        while (merged < _unmapped.Count && _unmapped[merged].First <= end)
        {
            first = Math.Min(first, _unmapped[merged].First);
            end = Math.Max(end, _unmapped[merged].End);
            merged++;
        }

        _unmapped.RemoveRange(at, merged - at);
        _unmapped.Insert(at, new BlockRange(first, end - first));
    }

    private int Find(ulong key)
    {
        int slot = (int)((unchecked(key * 0x9E3779B97F4A7C15) >> 32) & (uint)_mask);
        while (true)
        {
            ulong found = _keys[slot];
            if (found == 0 || found == key) return slot;
            slot = (slot + 1) & _mask;
        }
    }

    private void Grow()
    {
        NativeArray<ulong> oldKeys = _keys;
        NativeArray<BlockPointer> oldPointers = _pointers;
        int slots = (_mask + 1) * 2;
        Check.That(BitOperations.IsPow2(slots));
        _keys = new NativeArray<ulong>(slots);
        _pointers = new NativeArray<BlockPointer>(slots);
        _mask = slots - 1;
        for (long slot = 0; slot < oldKeys.Length; slot++)
        {
            if (oldKeys[slot] == 0) continue;
            int to = Find(oldKeys[slot]);
            _keys[to] = oldKeys[slot];
            _pointers[to] = oldPointers[slot];
        }

        oldKeys.Dispose();
        oldPointers.Dispose();
    }
}
