using System.Threading.Tasks.Sources;

namespace Cstor.Engine.Host.Linux;

/// <summary>A pooled delay.</summary>
internal sealed class DelayOperation(Stack<DelayOperation> pool) : TimerEntry, IValueTaskSource
{
    private ManualResetValueTaskSourceCore<bool> _core;

    public ValueTask Task => new(this, _core.Version);

    public override void Fire() => _core.SetResult(true);

    public void GetResult(short token)
    {
        _core.GetResult(token);
        _core.Reset();
        pool.Push(this);
    }

    public ValueTaskSourceStatus GetStatus(short token) => _core.GetStatus(token);

    public void OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);
}
