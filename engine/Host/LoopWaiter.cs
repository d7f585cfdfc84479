using System.Threading.Tasks.Sources;

namespace Cstor.Engine.Host;

/// <summary>
/// Somebody who waits for work that others have begun. Pooled: returns itself when the result was taken.
/// </summary>
internal sealed class LoopWaiter(Stack<LoopWaiter> pool) : IValueTaskSource<IoStatus>
{
    private ManualResetValueTaskSourceCore<IoStatus> _source;

    public ValueTask<IoStatus> Task => new(this, _source.Version);

    public void Complete(IoStatus status) => _source.SetResult(status);

    public IoStatus GetResult(short token)
    {
        IoStatus status = _source.GetResult(token);
        _source.Reset();
        pool.Push(this);
        return status;
    }

    public ValueTaskSourceStatus GetStatus(short token) => _source.GetStatus(token);

    public void OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _source.OnCompleted(continuation, state, token, flags);
}
