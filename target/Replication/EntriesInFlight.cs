using Cstor.Engine.Host;

namespace Cstor.Target.Replication;

/// <summary>Entries of a term that have begun and are not acknowledged yet; bounded by their bytes.</summary>
internal sealed class EntriesInFlight
{
    // Each byte is in memory once for this replica and once for each peer that is slow to take it.
    private const long MaximumBytes = 8L << 20;

    private readonly Dictionary<ulong, Entry> _entries = [];
    private readonly ByteBudget _budget = new(MaximumBytes);

    public int Count => _entries.Count;

    /// <summary>As they are now, to be gone through while some end.</summary>
    public Entry[] All => [.. _entries.Values];

    /// <summary>Completes when so many bytes may come; whoever asked before comes before.</summary>
    public ValueTask RoomAsync(long bytes) => _budget.RoomAsync(bytes);

    /// <summary>They may come now.</summary>
    public bool HasRoom(long bytes) => _budget.Fits(bytes);

    public void Add(Entry entry)
    {
        _entries.Add(entry.Index, entry);
        _budget.Take(entry.PayloadBytes);
    }

    /// <returns>False if it was not there any more.</returns>
    public bool Remove(Entry entry)
    {
        if (!_entries.Remove(entry.Index)) return false;
        _budget.Give(entry.PayloadBytes);
        return true;
    }

    public Entry? Find(ulong index) => _entries.GetValueOrDefault(index);

    /// <summary>One of those up to an entry that changes something of a range.</summary>
    public Entry? FindChange(long offset, long length, ulong last)
    {
        foreach (Entry entry in _entries.Values)
            if (entry.Index <= last && entry.Overlaps(offset, length))
                return entry;
        return null;
    }

    /// <summary>When the oldest began that a peer has not acknowledged, or later than all.</summary>
    public long OldestOwedBy(uint bit)
    {
        long oldest = long.MaxValue;
        foreach (Entry entry in _entries.Values)
            if ((entry.Acks & bit) == 0)
                oldest = Math.Min(oldest, entry.IssuedNanoseconds);
        return oldest;
    }

    /// <summary>Whatever these bits said was said by others than have them now.</summary>
    public void Forget(uint bits)
    {
        foreach (Entry entry in _entries.Values) entry.Acks &= ~bits;
    }

    /// <summary>Ends all, and whoever waits for room.</summary>
    public void End(IoStatus status)
    {
        foreach (Entry entry in All) entry.End(status);
        _entries.Clear();
        _budget.Open();
    }
}
