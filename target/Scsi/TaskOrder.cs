namespace Cstor.Target.Scsi;

/// <summary>
/// Task attributes, SAM-5 §8.6: simple tasks run together; an ordered one waits for all that came before
/// and holds up all that come after; a head-of-queue one waits for nobody.
/// </summary>
internal sealed class TaskOrder(Action<ScsiTask> start)
{
    private readonly Queue<ScsiTask> _waiting = new();
    private int _enabled;
    private bool _orderedRuns;

    public int EnabledCount => _enabled;

    public bool TryEnter(ScsiTask task)
    {
        bool ordered = task.Attribute == TaskAttribute.Ordered;
        bool free = task.Attribute == TaskAttribute.HeadOfQueue ||
            (_waiting.Count == 0 && !_orderedRuns && !(ordered && _enabled > 0));
        if (!free)
        {
            _waiting.Enqueue(task);
            return false;
        }

        Enable(task);
        return true;
    }

    public void Leave(ScsiTask task)
    {
        if (!task.Place.IsEnabled) return;
        task.Place.IsEnabled = false;
        _enabled--;
        if (task.Attribute == TaskAttribute.Ordered) _orderedRuns = false;
    }

    /// <summary>Starts whoever may go ahead now; after each <see cref="Leave"/>.</summary>
    public void Resume()
    {
        while (_waiting.TryPeek(out ScsiTask? next))
        {
            bool ordered = next.Attribute == TaskAttribute.Ordered;
            if (_orderedRuns || (ordered && _enabled > 0)) return;
            _waiting.Dequeue();
            Enable(next);
            start(next);
        }
    }

    /// <summary>Takes away those in line that were aborted; the caller ends them.</summary>
    public IReadOnlyList<ScsiTask> TakeAborted()
    {
        List<ScsiTask> taken = [];
        for (int left = _waiting.Count; left > 0; left--)
        {
            ScsiTask task = _waiting.Dequeue();
            if (task.IsAborted) taken.Add(task);
            else _waiting.Enqueue(task);
        }

        return taken;
    }

    private void Enable(ScsiTask task)
    {
        task.Place.IsEnabled = true;
        _enabled++;
        if (task.Attribute == TaskAttribute.Ordered) _orderedRuns = true;
    }
}
