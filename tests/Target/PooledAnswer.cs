using System.Threading.Tasks.Sources;
using Cstor.Engine.Host;

namespace Cstor.Tests.Target;

/// <summary>An answer that comes at the end of the turn, reused.</summary>
internal sealed class PooledAnswer(Stack<PooledAnswer> pool) : IValueTaskSource<IoStatus>, ITurnEnd
{
    private ManualResetValueTaskSourceCore<IoStatus> _core;

    public ValueTask<IoStatus> Start(ILoop loop)
    {
        _core.Reset();
        loop.Defer(this);
        return new ValueTask<IoStatus>(this, _core.Version);
    }

    public void OnTurnEnd() => _core.SetResult(IoStatus.Ok);

    public IoStatus GetResult(short token)
    {
        IoStatus status = _core.GetResult(token);
        pool.Push(this);
        return status;
    }

    public ValueTaskSourceStatus GetStatus(short token) => _core.GetStatus(token);

    public void OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);
}
