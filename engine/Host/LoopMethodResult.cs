using System.Threading.Tasks.Sources;

namespace Cstor.Engine.Host;

/// <summary>
/// An async method under way, as its caller awaits it. Goes back to its pool when the result is taken.
/// </summary>
internal abstract class LoopMethodResult<T> : IValueTaskSource<T>, IValueTaskSource
{
    private ManualResetValueTaskSourceCore<T> _source;

    protected LoopMethodResult() => Continuation = MoveNext;

    public Action Continuation { get; }

    public short Version => _source.Version;

    public void SetResult(T result) => _source.SetResult(result);

    public void SetException(Exception exception) => _source.SetException(exception);

    public T GetResult(short token)
    {
        try
        {
            return _source.GetResult(token);
        }
        finally
        {
            _source.Reset();
            Return();
        }
    }

    void IValueTaskSource.GetResult(short token) => GetResult(token);

    public ValueTaskSourceStatus GetStatus(short token) => _source.GetStatus(token);

    public void OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _source.OnCompleted(continuation, state, token, flags);

    protected abstract void MoveNext();

    protected abstract void Return();
}
