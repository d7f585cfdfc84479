namespace Cstor.Engine.Host.Linux;

/// <summary>Something that happens at a time; see <see cref="TimerHeap"/>.</summary>
internal abstract class TimerEntry
{
    public long DeadlineNanoseconds { get; set; }

    /// <summary>Orders entries of the same deadline by when they were armed.</summary>
    public long Sequence { get; set; }

    /// <summary>Place in the heap, -1 while not armed.</summary>
    public int HeapIndex { get; set; } = -1;

    /// <summary>The time has come; already disarmed.</summary>
    public abstract void Fire();
}
