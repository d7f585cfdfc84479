namespace Cstor.Target.Replication;

/// <summary>
/// The newest entries of a leader, so that a peer whose connection broke is sent just what it missed.
/// Bounded: who is behind it is compared instead.
/// </summary>
internal sealed class EntryWindow
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
        _bytes += entry.PayloadBytes;
        while ((_bytes > MaximumBytes || _entries.Count > MaximumEntries)
            && _entries.Peek() is { IsEnded: true } old)
            Remove(old);
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

    private void Remove(Entry old)
    {
        _entries.Dequeue();
        _bytes -= old.PayloadBytes;
        _first = Math.Max(_first, old.Index + 1);
        old.Payload?.Release();
    }
}
