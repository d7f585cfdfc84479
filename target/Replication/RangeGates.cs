using Cstor.Engine.Host;

namespace Cstor.Target.Replication;

/// <summary>Ranges of which no change begins for the moment.</summary>
internal sealed class RangeGates
{
    private readonly List<(long Offset, long Length, WaitQueue Waiters)> _gates = [];

    public int Count => _gates.Count;

    public WaitQueue Close(long offset, long length)
    {
        WaitQueue waiters = new();
        _gates.Add((offset, length, waiters));
        return waiters;
    }

    public void Open(WaitQueue gate)
    {
        _gates.RemoveAll(closed => closed.Waiters == gate);
        gate.Release();
    }

    /// <summary>The next one that a range must wait for, or null.</summary>
    /// <param name="offset">Of the range.</param>
    /// <param name="length">Of the range.</param>
    /// <param name="own">Not to be waited for.</param>
    public WaitQueue? Find(long offset, long length, WaitQueue? own = null)
    {
        foreach ((long gateOffset, long gateLength, WaitQueue waiters) in _gates)
            if (gateOffset < offset + length && offset < gateOffset + gateLength && waiters != own)
                return waiters;
        return null;
    }
}
