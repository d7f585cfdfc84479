using Cstor.PoolLayout;

namespace Cstor.Engine.Host.Linux;

/// <summary>
/// Armed timers, the earliest on top. Entries know their place, so that disarming costs O(log n) and no
/// memory.
/// </summary>
internal sealed class TimerHeap
{
    private TimerEntry?[] _entries = new TimerEntry?[64];
    private int _count;
    private long _sequence;

    /// <summary>The earliest, or null.</summary>
    public TimerEntry? First => _count == 0 ? null : _entries[0];

    public void Add(TimerEntry entry, long deadlineNanoseconds)
    {
        Check.That(entry.HeapIndex == -1);
        entry.DeadlineNanoseconds = deadlineNanoseconds;
        entry.Sequence = _sequence++;
        if (_count == _entries.Length) Array.Resize(ref _entries, _count * 2);
        Place(entry, _count++);
        SiftUp(entry);
    }

    /// <summary>Disarms; harmless if not armed.</summary>
    public void Remove(TimerEntry entry)
    {
        int index = entry.HeapIndex;
        if (index < 0) return;
        TimerEntry last = _entries[--_count]!;
        _entries[_count] = null;
        entry.HeapIndex = -1;
        if (ReferenceEquals(last, entry)) return;
        Place(last, index);
        SiftUp(last);
        SiftDown(last);
    }

    private static bool IsBefore(TimerEntry a, TimerEntry b) =>
        a.DeadlineNanoseconds != b.DeadlineNanoseconds
            ? a.DeadlineNanoseconds < b.DeadlineNanoseconds
            : a.Sequence < b.Sequence;

    private void Place(TimerEntry entry, int index)
    {
        _entries[index] = entry;
        entry.HeapIndex = index;
    }

    private void SiftUp(TimerEntry entry)
    {
        while (entry.HeapIndex > 0)
        {
            int index = entry.HeapIndex;
            TimerEntry parent = _entries[(index - 1) / 2]!;
            if (!IsBefore(entry, parent)) return;
            Place(entry, parent.HeapIndex);
            Place(parent, index);
        }
    }

    private void SiftDown(TimerEntry entry)
    {
        while (true)
        {
            int index = entry.HeapIndex;
            int child = index * 2 + 1;
            if (child >= _count) return;
            if (child + 1 < _count && IsBefore(_entries[child + 1]!, _entries[child]!)) child++;
            TimerEntry smaller = _entries[child]!;
            if (!IsBefore(smaller, entry)) return;
            Place(smaller, index);
            Place(entry, child);
        }
    }
}
