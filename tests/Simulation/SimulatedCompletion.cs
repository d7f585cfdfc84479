using System.Threading.Tasks.Sources;

namespace Cstor.Tests.Simulation;

/// <summary>
/// The awaitable behind every simulated operation. Used once: a second await throws, as it would corrupt the
/// pooled sources of the real host.
/// </summary>
internal sealed class SimulatedCompletion<T> : IValueTaskSource<T>, IValueTaskSource
{
    private ManualResetValueTaskSourceCore<T> _core;

    public ValueTask<T> Task => new(this, _core.Version);

    public ValueTask PlainTask => new(this, _core.Version);

    public bool IsCompleted { get; private set; }

    public void Complete(T value)
    {
        IsCompleted = true;
        _core.SetResult(value);
    }

    public T GetResult(short token)
    {
        T result = _core.GetResult(token);
        _core.Reset();
        return result;
    }

    void IValueTaskSource.GetResult(short token) => GetResult(token);

    public ValueTaskSourceStatus GetStatus(short token) => _core.GetStatus(token);

    public void OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);
}
