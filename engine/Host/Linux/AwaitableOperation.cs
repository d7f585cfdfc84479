using System.Threading.Tasks.Sources;

namespace Cstor.Engine.Host.Linux;

/// <summary>
/// A reusable operation that is awaited as a <see cref="ValueTask{T}"/>. The awaiting method goes on inline,
/// inside
/// <see cref="Finish"/>. Whoever awaits it gets the result once; then the object is free for its next use.
/// </summary>
internal abstract class AwaitableOperation<T> : RingOperation, IValueTaskSource<T>
{
    // Not readonly: a mutable struct.
    private ManualResetValueTaskSourceCore<T> _core;

    /// <summary>The task of the use that begins now.</summary>
    protected ValueTask<T> Task => new(this, _core.Version);

    public T GetResult(short token)
    {
        T result = _core.GetResult(token);
        _core.Reset();
        Recycle();
        return result;
    }

    public ValueTaskSourceStatus GetStatus(short token) => _core.GetStatus(token);

    public void OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);

    /// <summary>Gives the result and runs the awaiting method.</summary>
    protected void Finish(T result) => _core.SetResult(result);

    /// <summary>The result was taken: the object may go back to its pool.</summary>
    protected abstract void Recycle();
}
