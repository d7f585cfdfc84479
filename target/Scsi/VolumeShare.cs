using Cstor.PoolLayout;

namespace Cstor.Target.Scsi;

/// <summary>What one unit has of its pool; kept by <see cref="FairShares"/>.</summary>
internal sealed class VolumeShare
{
    private readonly FairShares _shares;
    private int _weight = TargetDefinition.DefaultShare;

    public VolumeShare(FairShares shares)
    {
        _shares = shares;
        LineNode = new LinkedListNode<VolumeShare>(this);
    }

    /// <summary>How much it may have beside others, 1 or more; changed at any time.</summary>
    public int Weight
    {
        get => _weight;
        set
        {
            Check.That(value > 0);
            if (IsActive) _shares.WeightChanged(value - _weight);
            _weight = value;
        }
    }

    /// <summary>It has been asked for something lately.</summary>
    public bool IsActive { get; set; }

    /// <summary>And since the last look.</summary>
    public bool IsUsed { get; set; }

    /// <summary>Cost of its commands under way.</summary>
    public long InFlightBytes { get; set; }

    /// <summary>Cost that it may yet start in this round.</summary>
    public long DeficitBytes { get; set; }

    /// <summary>Commands that stand in line, the oldest first.</summary>
    public LinkedList<ScsiTask> Waiting { get; } = new();

    /// <summary>Its place among the volumes that wait.</summary>
    public LinkedListNode<VolumeShare> LineNode { get; }

    public bool HasWaiters => Waiting.Count > 0;

    /// <summary>True when the task may go ahead now; otherwise it is started later.</summary>
    public bool TryEnter(ScsiTask task) => _shares.TryEnter(this, task);

    /// <summary>The task has ended, or was never let in.</summary>
    public void Leave(ScsiTask task)
    {
        if (task.SharedBytes != 0) _shares.Leave(this, task);
    }

    /// <summary>Starts those whose turn has come; after each <see cref="Leave"/>.</summary>
    public void Resume() => _shares.Resume();

    /// <summary>Takes a task out of the line, if it stands there; the caller ends it.</summary>
    public bool TryRemove(ScsiTask task)
    {
        if (task.Place.ShareNode?.List != Waiting) return false;
        _shares.Remove(this, task);
        return true;
    }
}
