namespace Cstor.Target.Replication;

/// <summary>
/// The newest entries of a leader, so that a peer whose connection broke is sent just what it missed.
/// Bounded: who is behind it is compared instead.
/// </summary>
internal sealed class EntryWindow(WindowMemory memory)
{
    private const long MaximumBytes = 16L << 20;
    private const int MaximumEntries = 4096;

    private readonly Queue<Entry> _entries = [];
    private long _bytes;
    private ulong _first = 1;

    /// <summary>Number of the newest entry.</summary>
    public ulong Last { get; private set; }

    public IEnumerable<Entry> Entries => _entries;

    /// <summary>Whether a replica that holds all up to an entry can be sent what follows.</summary>
    public bool Covers(ulong applied) => applied + 1 >= _first && applied <= Last;

    /// <summary>Adds the next entry, and forgets old ones that have ended.</summary>
    public void Add(Entry entry)
    {
        Last = entry.Index;
        _entries.Enqueue(entry);
        _bytes += BytesOf(entry);
        while ((_bytes > MaximumBytes || _entries.Count > MaximumEntries)
            && _entries.Peek() is { IsEnded: true } old)
            Remove(old);
        memory.Add(this, entry.Index, BytesOf(entry));
    }

    /// <summary>The entry is kept.</summary>
    public bool Has(ulong index) => index >= _first && index <= Last && _entries.Count > 0;

    /// <summary>Keeps the oldest entry no more; false if it has not ended yet.</summary>
    public bool TryForget(ulong index)
    {
        if (!_entries.TryPeek(out Entry? old) || old.Index != index || !old.IsEnded) return false;
        Remove(old);
        return true;
    }

    /// <summary>Nobody is sent the entries so far again: whoever lacks one is compared.</summary>
    public void Forget()
    {
        _first = Last + 1;
        while (_entries.TryPeek(out Entry? old) && old.IsEnded) Remove(old);
    }

    public void Dispose()
    {
        while (_entries.TryPeek(out Entry? old)) Remove(old);
    }

    private static long BytesOf(Entry entry) => entry.Payload?.CapacityBytes ?? 0;

    private void Remove(Entry old)
    {
        _entries.Dequeue();
        _bytes -= BytesOf(old);
        memory.Remove(BytesOf(old));
        _first = Math.Max(_first, old.Index + 1);
        old.Payload?.Release();
    }
}
