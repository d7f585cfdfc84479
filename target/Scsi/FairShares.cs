using Cstor.Engine.Host;

namespace Cstor.Target.Scsi;

/// <summary>
/// Divides a pool among the volumes that want it at once, so that one with a deep queue does not make another
/// wait behind all of it. What is under way in the pool has a bound while more than one volume is active; of
/// the bound each volume has a part by its weight, and a command within that part goes ahead at once. Beyond
/// it commands wait with their volume, and what is left of the bound goes round the volumes by deficit round
/// robin: in proportion to their weights, whatever the size of their commands.
/// </summary>
/// <remarks>
/// Nobody starves: a volume that waits has used its part, or the others are beyond theirs and are let in no
/// more until they are not. A volume with nothing under way is always let in. One volume alone is not
/// bounded: for it all of this is a comparison and an addition.
/// </remarks>
internal sealed class FairShares
{
    /// <summary>
    /// Enough to keep a device busy, little enough that whoever comes next need not wait for long.
    /// </summary>
    private const long DeviceBoundBytes = 1024 * 1024;

    /// <summary>A small command costs a device as much as one of this size.</summary>
    private const long LeastCostBytes = 16 * 1024;

    /// <summary>What a volume of the default weight may start in one round.</summary>
    private const long QuantumBytes = 64 * 1024;

    /// <summary>
    /// A volume of which nobody wants anything for so long makes room for the others; one that comes a few
    /// times in a second finds its part free.
    /// </summary>
    private const long LookNanoseconds = 1_000_000_000;

    private readonly Action<ScsiTask> _start;
    private readonly List<VolumeShare> _active = [];
    private readonly LinkedList<VolumeShare> _line = new();
    private readonly Queue<VolumeShare> _entitled = new();
    private readonly ILoopTimer _look;
    private long _inFlightBytes;
    private long _weights;
    private bool _isServing;

    /// <param name="loop">Of the pool.</param>
    /// <param name="start">Takes a task whose turn has come.</param>
    public FairShares(ILoop loop, Action<ScsiTask> start)
    {
        _start = start;
        _look = loop.CreateTimer(Look);
    }

    /// <summary>Of the pool: what may be under way in it grows with them.</summary>
    public int Devices { get; set; } = 1;

    private long BoundBytes => Devices * DeviceBoundBytes;

    private bool IsContended => _active.Count > 1;

    public bool TryEnter(VolumeShare share, ScsiTask task)
    {
        share.IsUsed = true;
        if (!share.IsActive) Activate(share);
        long cost = CostOf(task);
        bool isFree = !IsContended
            || (!share.HasWaiters && (_inFlightBytes < BoundBytes || IsWithinPart(share, cost)));
        if (isFree)
        {
            Charge(share, task, cost);
            return true;
        }

        task.SharedNanoseconds = task.NowNanoseconds;
        task.Place.ShareNode ??= new LinkedListNode<ScsiTask>(task);
        share.Waiting.AddLast(task.Place.ShareNode);
        if (share.Waiting.Count == 1) _line.AddLast(share.LineNode);
        return false;
    }

    public void Leave(VolumeShare share, ScsiTask task)
    {
        share.InFlightBytes -= task.SharedBytes;
        _inFlightBytes -= task.SharedBytes;
        task.SharedBytes = 0;
        share.IsUsed = true;
        if (share.HasWaiters) _entitled.Enqueue(share);
    }

    /// <summary>Starts those whose turn has come; after each <see cref="Leave"/>.</summary>
    public void Resume()
    {
        if (_line.Count > 0) Serve();
    }

    public void Remove(VolumeShare share, ScsiTask task)
    {
        share.Waiting.Remove(task.Place.ShareNode!);
        if (share.HasWaiters) return;
        share.DeficitBytes = 0;
        _line.Remove(share.LineNode);
    }

    /// <summary>The weight of an active volume grew by so much.</summary>
    public void WeightChanged(int by) => _weights += by;

    private static long CostOf(ScsiTask task) =>
        Math.Max(LeastCostBytes, Math.Max(task.ExpectedInBytes, task.DataOutBytes));

    private bool IsWithinPart(VolumeShare share, long cost) => share.InFlightBytes == 0
        || (share.InFlightBytes + cost) * _weights <= BoundBytes * share.Weight;

    private void Charge(VolumeShare share, ScsiTask task, long cost)
    {
        task.SharedBytes = cost;
        share.InFlightBytes += cost;
        _inFlightBytes += cost;
    }

    private void Activate(VolumeShare share)
    {
        share.IsActive = true;
        _active.Add(share);
        _weights += share.Weight;
        if (_active.Count == 2) _look.Start(LookNanoseconds);
    }

    /// <summary>Forgets volumes of which nobody wanted anything between two looks.</summary>
    private void Look()
    {
        for (int i = _active.Count - 1; i >= 0; i--)
        {
            VolumeShare share = _active[i];
            bool stays = share.IsUsed || share.InFlightBytes > 0 || share.HasWaiters;
            share.IsUsed = false;
            if (stays) continue;
            share.IsActive = false;
            _active.RemoveAt(i);
            _weights -= share.Weight;
        }

        // The parts of those that are left may have grown.
        foreach (VolumeShare share in _line) _entitled.Enqueue(share);
        Serve();
        if (IsContended) _look.Start(LookNanoseconds);
    }

    // A task that is started may end at once, and another be let in or leave meanwhile: one loop serves all.
    private void Serve()
    {
        if (_isServing) return;
        _isServing = true;
        while (true)
        {
            while (_entitled.TryDequeue(out VolumeShare? share))
                while (share.HasWaiters && IsWithinPart(share, CostOf(share.Waiting.First!.Value)))
                    StartFirst(share);
            if (_line.First is not { } node || (IsContended && _inFlightBytes >= BoundBytes)) break;
            TakeTurn(node.Value);
        }

        _isServing = false;
    }

    private void TakeTurn(VolumeShare share)
    {
        long cost = CostOf(share.Waiting.First!.Value);
        if (share.DeficitBytes >= cost)
        {
            share.DeficitBytes -= cost;
            StartFirst(share);
            return;
        }

        share.DeficitBytes += Math.Max(1, QuantumBytes * share.Weight / TargetDefinition.DefaultShare);
        _line.Remove(share.LineNode);
        _line.AddLast(share.LineNode);
    }

    private void StartFirst(VolumeShare share)
    {
        ScsiTask task = share.Waiting.First!.Value;
        Remove(share, task);
        Charge(share, task, CostOf(task));
        _start(task);
    }
}
