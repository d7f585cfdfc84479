namespace Cstor.Target.Replication;

/// <summary>Bounds the bytes that are under way at once; whoever wants more waits for his turn.</summary>
internal sealed class ByteBudget(long limitBytes)
{
    private readonly Queue<(long Bytes, TaskCompletionSource Turn)> _waiting = [];
    private long _takenBytes;

    /// <summary>Completes when there is room for so many bytes; what is larger than all goes alone.</summary>
    public ValueTask RoomAsync(long bytes)
    {
        if (_waiting.Count == 0 && Fits(bytes)) return ValueTask.CompletedTask;
        TaskCompletionSource turn = new();
        _waiting.Enqueue((bytes, turn));
        return new ValueTask(turn.Task);
    }

    /// <summary>They are under way.</summary>
    public void Take(long bytes) => _takenBytes += bytes;

    /// <summary>They are under way no more.</summary>
    public void Give(long bytes)
    {
        _takenBytes -= bytes;
        while (_waiting.TryPeek(out (long Bytes, TaskCompletionSource Turn) next) && Fits(next.Bytes))
        {
            _waiting.Dequeue();
            next.Turn.SetResult();
        }
    }

    /// <summary>Nobody waits any longer: what there was to do has lost its sense.</summary>
    public void Open()
    {
        _takenBytes = 0;
        while (_waiting.TryDequeue(out (long Bytes, TaskCompletionSource Turn) next)) next.Turn.SetResult();
    }

    /// <summary>There is room for so many bytes now.</summary>
    public bool Fits(long bytes) => _takenBytes == 0 || _takenBytes + bytes <= limitBytes;
}
