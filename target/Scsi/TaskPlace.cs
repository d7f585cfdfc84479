namespace Cstor.Target.Scsi;

/// <summary>
/// Where a task stands within its logical unit: links of the fence and the order of attributes.
/// </summary>
internal sealed class TaskPlace
{
    public LinkedListNode<ScsiTask>? FenceNode { get; set; }

    public LinkedListNode<ScsiTask>? LimitNode { get; set; }

    public LinkedListNode<ScsiTask>? ShareNode { get; set; }

    public bool IsInFence { get; set; }

    public bool IsEnabled { get; set; }

    public bool IsExclusive { get; set; }

    public ulong FirstBlock { get; set; }

    public ulong EndBlock { get; set; }

    public bool Overlaps(TaskPlace other) => FirstBlock < other.EndBlock && other.FirstBlock < EndBlock;

    public void Reset()
    {
        IsInFence = false;
        IsEnabled = false;
        IsExclusive = false;
        FirstBlock = 0;
        EndBlock = 0;
    }
}
