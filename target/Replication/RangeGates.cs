namespace Cstor.Target.Replication;

/// <summary>Ranges of which no change begins for the moment.</summary>
internal sealed class RangeGates
{
    private readonly List<(long Offset, long Length, TaskCompletionSource Opened)> _gates = [];

    public int Count => _gates.Count;

    public TaskCompletionSource Close(long offset, long length)
    {
        TaskCompletionSource opened = new();
        _gates.Add((offset, length, opened));
        return opened;
    }

    public void Open(TaskCompletionSource gate)
    {
        _gates.RemoveAll(closed => closed.Opened == gate);
        gate.SetResult();
    }

    /// <summary>The next one that a range must wait for, or null.</summary>
    /// <param name="offset">Of the range.</param>
    /// <param name="length">Of the range.</param>
    /// <param name="own">Not to be waited for.</param>
    public TaskCompletionSource? Find(long offset, long length, TaskCompletionSource? own = null)
    {
        foreach ((long gateOffset, long gateLength, TaskCompletionSource opened) in _gates)
            if (gateOffset < offset + length && offset < gateOffset + gateLength && opened != own)
                return opened;
        return null;
    }
}
