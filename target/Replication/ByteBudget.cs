namespace Cstor.Target.Replication;

/// <summary>Bounds the bytes that are under way at once; whoever wants more waits for his turn.</summary>
internal sealed class ByteBudget(long limitBytes)
{
    private readonly Queue<(long Bytes, TaskCompletionSource Turn)> _waiting = [];
    private long _takenBytes;

    /// <summary>Completes when the bytes may be under way; what is larger than all goes alone.</summary>
    public ValueTask TakeAsync(long bytes)
    {
        if (_waiting.Count == 0 && Fits(bytes))
        {
            _takenBytes += bytes;
            return ValueTask.CompletedTask;
        }

        TaskCompletionSource turn = new();
        _waiting.Enqueue((bytes, turn));
        return new ValueTask(turn.Task);
    }

    /// <summary>They are under way no more.</summary>
    public void Give(long bytes)
    {
        _takenBytes -= bytes;
        while (_waiting.TryPeek(out (long Bytes, TaskCompletionSource Turn) next) && Fits(next.Bytes))
        {
            _waiting.Dequeue();
            _takenBytes += next.Bytes;
            next.Turn.SetResult();
        }
    }

    /// <summary>Nobody waits any longer: what there was to do has lost its sense.</summary>
    public void Open()
    {
        while (_waiting.TryDequeue(out (long Bytes, TaskCompletionSource Turn) next)) next.Turn.SetResult();
    }

    private bool Fits(long bytes) => _takenBytes == 0 || _takenBytes + bytes <= limitBytes;
}
