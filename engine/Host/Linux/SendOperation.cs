using Cstor.Engine.Host.Linux.Abi;

namespace Cstor.Engine.Host.Linux;

/// <summary>A connection's send, continued until all is out.</summary>
internal sealed class SendOperation(LinuxLoop loop, LinuxConnection connection)
    : AwaitableOperation<bool>, IDisposable
{
    private readonly IoVectors _vectors = new();

    public bool IsUnderWay { get; private set; }

    public ValueTask<bool> Start(ReadOnlySpan<IoSlice> pieces)
    {
        _vectors.Set(pieces);
        if (_vectors.RemainingBytes == 0) return ValueTask.FromResult(true);
        IsUnderWay = true;
        ValueTask<bool> task = Task;
        Queue();
        return task;
    }

    public override void OnCompletion(int result, uint flags)
    {
        bool goesOn = !connection.IsClosed && !loop.IsStopping;
        if (result > 0)
        {
            _vectors.Advance(result);
            if (_vectors.RemainingBytes > 0 && goesOn)
            {
                Queue();
                return;
            }
        }
        else if (result is -Errno.EINTR or -Errno.EAGAIN && goesOn)
        {
            Queue();
            return;
        }

        IsUnderWay = false;
        bool sent = _vectors.RemainingBytes == 0 && !connection.IsClosed;
        connection.OnOperationEnded();
        Finish(sent);
    }

    /// <summary>Frees the native memory; no request may be under way.</summary>
    public void Dispose() => _vectors.Dispose();

    protected override void Recycle()
    {
    }

    private void Queue() => loop.Ring.Queue(
        this,
        RingConstants.OpSendMessage,
        connection.File,
        0,
        _vectors.PrepareHeader(),
        1,
        LibcConstants.MessageNoSignal | LibcConstants.MessageWaitAll);
}
