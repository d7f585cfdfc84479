namespace Cstor.Target.Replication;

/// <summary>
/// Bounds what the windows of all groups of a node keep together, by the buffers that they take: the oldest
/// entry of all goes first.
/// </summary>
internal sealed class WindowMemory
{
    private const long MaximumBytes = 24L << 20;
    private const int MaximumEntries = 1 << 15;

    private readonly Queue<(EntryWindow Window, ulong Index)> _order = [];
    private long _bytes;

    /// <summary>A window keeps one more entry, with so many bytes.</summary>
    public void Add(EntryWindow window, ulong index, long bytes)
    {
        _bytes += bytes;
        _order.Enqueue((window, index));
        Shrink(MaximumBytes);
    }

    /// <summary>A window keeps so many bytes less.</summary>
    public void Remove(long bytes) => _bytes -= bytes;

    /// <summary>Gives back what can be: somebody needs the memory now.</summary>
    public void Shrink() => Shrink(0);

    private void Shrink(long mostBytes)
    {
        while (_order.TryPeek(out (EntryWindow Window, ulong Index) oldest))
        {
            bool isTooMuch = _bytes > mostBytes || _order.Count > MaximumEntries;
            bool isKept = oldest.Window.Has(oldest.Index);
            if (isKept && (!isTooMuch || !oldest.Window.TryForget(oldest.Index))) return;
            _order.Dequeue();
        }
    }
}
