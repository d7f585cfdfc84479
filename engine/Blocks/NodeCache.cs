using Cstor.Engine.Host;
using Cstor.PoolLayout;

namespace Cstor.Engine.Blocks;

/// <summary>
/// Verified metadata blocks in memory, found by their place, replaced by the clock algorithm. Blocks are
/// never changed in place, so an entry is right for as long as its checksum is the one that the asking
/// pointer wants: a place that was freed and used again simply no longer matches.
/// </summary>
internal sealed class NodeCache : IDisposable
{
    private readonly Dictionary<ulong, int> _byPlace = [];
    private readonly List<Entry> _entries = [];
    private readonly Stack<Entry> _spare = [];
    private readonly BufferPool _buffers;
    private readonly long _limitBytes;
    private int _hand;

    /// <param name="buffers">Where the blocks' memory comes from: all caches on it together leave half of it
    /// to requests.</param>
    /// <param name="limitBytes">Of this cache.</param>
    public NodeCache(BufferPool buffers, long limitBytes)
    {
        _buffers = buffers;
        _limitBytes = limitBytes;
    }

    /// <summary>Memory of all cached blocks.</summary>
    public long UsedBytes { get; private set; }

    public long Hits { get; private set; }

    public long Misses { get; private set; }

    /// <summary>The block, valid until control returns to the loop; retain it to keep it longer.</summary>
    public IoBuffer? Find(in BlockPointer pointer)
    {
        if (_byPlace.TryGetValue(pointer.Place0.Packed, out int index))
        {
            Entry entry = _entries[index];
            if (entry.Checksum == pointer.Checksum)
            {
                entry.Referenced = true;
                Hits++;
                return entry.Buffer;
            }
        }

        Misses++;
        return null;
    }

    /// <summary>Takes a verified block in, as a further holder of its buffer.</summary>
    public void Insert(in BlockPointer pointer, IoBuffer buffer)
    {
        buffer.Retain();
        if (_byPlace.TryGetValue(pointer.Place0.Packed, out int index))
        {
            Entry known = _entries[index];
            UsedBytes += buffer.CapacityBytes - known.Buffer.CapacityBytes;
            known.Buffer.Release();
            known.Set(pointer, buffer);
            return;
        }

        UsedBytes += buffer.CapacityBytes;
        while (UsedBytes > _limitBytes && _entries.Count > 0) Evict();
        if (_buffers.IsHalfUsed && _entries.Count > 0) Evict();
        if (!_spare.TryPop(out Entry? added)) added = new Entry();
        added.Set(pointer, buffer);
        _byPlace.Add(added.Place, _entries.Count);
        _entries.Add(added);
    }

    public void Dispose()
    {
        foreach (Entry entry in _entries) entry.Buffer.Release();
        _entries.Clear();
        _byPlace.Clear();
        UsedBytes = 0;
    }

    private void Evict()
    {
        while (true)
        {
            _hand = _hand + 1 >= _entries.Count ? 0 : _hand + 1;
            if (!_entries[_hand].Referenced) break;
            _entries[_hand].Referenced = false;
        }

        Entry victim = _entries[_hand];
        _byPlace.Remove(victim.Place);
        UsedBytes -= victim.Buffer.CapacityBytes;
        victim.Buffer.Release();
        Entry last = _entries[^1];
        _entries.RemoveAt(_entries.Count - 1);
        if (last != victim)
        {
            _entries[_hand] = last;
            _byPlace[last.Place] = _hand;
        }

        _spare.Push(victim);
    }

    private sealed class Entry
    {
        public ulong Place { get; private set; }

        public Hash128 Checksum { get; private set; }

        public IoBuffer Buffer { get; private set; } = null!;

        public bool Referenced { get; set; }

        public void Set(in BlockPointer pointer, IoBuffer buffer)
        {
            Place = pointer.Place0.Packed;
            Checksum = pointer.Checksum;
            Buffer = buffer;
            Referenced = false;
        }
    }
}
