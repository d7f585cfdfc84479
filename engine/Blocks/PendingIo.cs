using System.Runtime.CompilerServices;
using Cstor.Engine.Host;

namespace Cstor.Engine.Blocks;

/// <summary>
/// A pooled object that waits for one I/O and is then told how it ended: what an async method would do,
/// without its state machine, for I/O that nobody awaits directly.
/// </summary>
internal abstract class PendingIo
{
    private readonly Action _continuation;
    private ValueTaskAwaiter<IoStatus> _awaiter;

    protected PendingIo() => _continuation = Continue;

    /// <summary>
    /// Calls <see cref="OnCompleted"/> when the I/O has ended, at once if it already has.
    /// </summary>
    protected void Watch(ValueTask<IoStatus> io)
    {
        _awaiter = io.GetAwaiter();
        if (_awaiter.IsCompleted) Continue();
        else _awaiter.UnsafeOnCompleted(_continuation);
    }

    protected abstract void OnCompleted(IoStatus status);

    private void Continue()
    {
        IoStatus status = _awaiter.GetResult();
        _awaiter = default;
        OnCompleted(status);
    }
}
