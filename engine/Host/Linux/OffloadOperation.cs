using System.Threading.Tasks.Sources;
using Cstor.PoolLayout;

namespace Cstor.Engine.Host.Linux;

/// <summary>A pooled hand-over of work to another thread and back.</summary>
internal sealed class OffloadOperation(LinuxLoop loop, Stack<OffloadOperation> pool)
    : ILoopMessage, IValueTaskSource
{
    private ManualResetValueTaskSourceCore<bool> _core;
    private IOffloadedWork? _work;
    private Exception? _exception;

    public ValueTask Start(IOffloadedWork work, WorkerPool workers)
    {
        _work = work;
        _exception = null;
        ValueTask task = new(this, _core.Version);
        workers.Enqueue(this);
        return task;
    }

    /// <summary>On the worker. An exception travels to whoever awaits.</summary>
    public void RunOnWorker()
    {
        Check.That(_work is not null);
        try
        {
            _work.Execute();
        }
        catch (Exception exception)
        {
            _exception = exception;
        }

        loop.Send(this);
    }

    public void Deliver()
    {
        _work = null;
        if (_exception is null) _core.SetResult(true);
        else _core.SetException(_exception);
    }

    public void GetResult(short token)
    {
        try
        {
            _core.GetResult(token);
        }
        finally
        {
            _core.Reset();
            pool.Push(this);
        }
    }

    public ValueTaskSourceStatus GetStatus(short token) => _core.GetStatus(token);

    public void OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);
}
