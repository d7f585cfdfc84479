namespace Cstor.Target.Scsi;

/// <summary>
/// Keeps read-compare-write commands atomic: an exclusive command starts only when no writer of its range
/// is under way, and writers that overlap one under way or waiting stand in line behind it. Without
/// exclusive commands it is a list insertion per write.
/// </summary>
internal sealed class WriteFence(Action<ScsiTask> start)
{
    private readonly LinkedList<ScsiTask> _inside = new();
    private readonly LinkedList<ScsiTask> _waiting = new();
    private int _exclusives;

    public int InsideCount => _inside.Count;

    /// <summary>True when the task may go ahead now; otherwise it is started later.</summary>
    public bool TryEnter(ScsiTask task, bool exclusive)
    {
        TaskPlace place = task.Place;
        place.FirstBlock = task.Lba;
        place.EndBlock = task.Lba + Math.Max(task.Blocks, 1u);
        place.IsExclusive = exclusive;
        place.FenceNode ??= new LinkedListNode<ScsiTask>(task);
        if ((exclusive || _exclusives > 0) && IsBlocked(task, null))
        {
            if (exclusive) _exclusives++;
            _waiting.AddLast(place.FenceNode);
            return false;
        }

        if (exclusive) _exclusives++;
        Admit(task);
        return true;
    }

    /// <summary>The task has ended: takes it out.</summary>
    public void Leave(ScsiTask task)
    {
        if (!task.Place.IsInFence) return;
        task.Place.IsInFence = false;
        _inside.Remove(task.Place.FenceNode!);
        if (task.Place.IsExclusive) _exclusives--;
    }

    /// <summary>Starts whoever nothing blocks any more; after each <see cref="Leave"/>.</summary>
    public void Resume()
    {
        LinkedListNode<ScsiTask>? node = _waiting.First;
        while (node is not null)
        {
            if (IsBlocked(node.Value, node))
            {
                node = node.Next;
                continue;
            }

            _waiting.Remove(node);
            Admit(node.Value);
            start(node.Value);
            node = _waiting.First;
        }
    }

    private void Admit(ScsiTask task)
    {
        task.Place.IsInFence = true;
        _inside.AddLast(task.Place.FenceNode!);
    }

    /// <summary>
    /// Overlaps something inside, or something ahead in line, where one of the two is exclusive.
    /// </summary>
    private bool IsBlocked(ScsiTask task, LinkedListNode<ScsiTask>? inLine)
    {
        for (LinkedListNode<ScsiTask>? node = _inside.First; node is not null; node = node.Next)
            if (Excludes(task, node.Value)) return true;
        for (LinkedListNode<ScsiTask>? node = _waiting.First; node is not null &&
            node != inLine; node = node.Next)
            if (Excludes(task, node.Value)) return true;
        return false;
    }

    private static bool Excludes(ScsiTask one, ScsiTask other) =>
        (one.Place.IsExclusive || other.Place.IsExclusive) && one.Place.Overlaps(other.Place);
}
