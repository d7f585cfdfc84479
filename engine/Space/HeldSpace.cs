using Cstor.Engine.Memory;
using Cstor.PoolLayout.Records;

namespace Cstor.Engine.Space;

/// <summary>
/// What the last checkpoints freed, taken from the allocator while nobody wants it: so the roots before them
/// lead to whole trees, and an import can go back to one of them. Bounded in checkpoints, in entries, and by
/// what is free besides, so that a full pool works as if there were none of this.
/// </summary>
internal sealed class HeldSpace(SpaceAllocator allocator) : IDisposable
{
    /// <summary>Checkpoints whose freed space is held: as many roots before the newest stay whole.</summary>
    public const int Checkpoints = 3;

    // Four megabytes of memory.
    private const int MaximumEntries = 256 * 1024;

    // A millisecond's work.
    private const int EntriesAtOnce = 4096;

    // Of what is free besides.
    private const int MaximumShare = 4;

    private readonly Queue<NativeList<SpaceLogEntry>> _checkpoints = [];
    private readonly Stack<NativeList<SpaceLogEntry>> _idle = [];
    private NativeList<SpaceLogEntry> _newest = new();
    private int _entries;

    public long Sectors { get; private set; }

    /// <summary>No more can be remembered.</summary>
    public bool IsFull => _entries >= MaximumEntries;

    /// <summary>Some of it should be released now.</summary>
    public bool IsTooMuch =>
        _checkpoints.Count > Checkpoints || Sectors > allocator.FreeSectors / MaximumShare;

    /// <summary>Another checkpoint is durable; what is added from now on was freed by it.</summary>
    public void Begin()
    {
        if (!_idle.TryPop(out NativeList<SpaceLogEntry>? next)) next = new();
        _newest = next;
        FindOldest();
        _checkpoints.Enqueue(next);
    }

    public void Add(SpaceLogEntry freed)
    {
        _newest.Add(freed);
        _entries++;
        Sectors += freed.SectorCount;
    }

    /// <summary>Gives some of what the oldest checkpoint freed back to the allocator.</summary>
    /// <returns>Runs released; 0 when nothing is held.</returns>
    public int ReleaseSome()
    {
        if (FindOldest() is not { Count: > 0 } oldest) return 0;
        int count = Math.Min(EntriesAtOnce, oldest.Count);
        int left = oldest.Count - count;
        for (int i = left; i < oldest.Count; i++)
        {
            allocator.Release(oldest[i].Place, (int)oldest[i].SectorCount);
            Sectors -= oldest[i].SectorCount;
        }

        oldest.Shorten(left);
        _entries -= count;
        if (left == 0) FindOldest();
        return count;
    }

    /// <summary>Hands everything to somebody else to release.</summary>
    /// <returns>Sectors of it.</returns>
    public long MoveTo(NativeList<SpaceLogEntry> others)
    {
        long sectors = Sectors;
        while (FindOldest() is { Count: > 0 } oldest)
        {
            others.AddRange(oldest.Items);
            oldest.Clear();
        }

        _entries = 0;
        Sectors = 0;
        return sectors;
    }

    public void Dispose()
    {
        foreach (NativeList<SpaceLogEntry> list in _checkpoints) list.Dispose();
        foreach (NativeList<SpaceLogEntry> list in _idle) list.Dispose();
        _newest.Dispose();
    }

    // The newest stays though it is empty: it may be filled just now.
    private NativeList<SpaceLogEntry>? FindOldest()
    {
        while (_checkpoints.TryPeek(out NativeList<SpaceLogEntry>? oldest))
        {
            if (oldest.Count > 0 || oldest == _newest) return oldest;
            _idle.Push(_checkpoints.Dequeue());
        }

        return null;
    }
}
