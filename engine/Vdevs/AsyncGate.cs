using Cstor.PoolLayout;

namespace Cstor.Engine.Vdevs;

/// <summary>Lets one at a time through, in order of arrival. For one loop; not for the data path.</summary>
internal sealed class AsyncGate
{
    private readonly Queue<TaskCompletionSource> _waiting = [];
    private bool _isTaken;

    public ValueTask EnterAsync()
    {
        if (!_isTaken)
        {
            _isTaken = true;
            return ValueTask.CompletedTask;
        }

        TaskCompletionSource turn = new();
        _waiting.Enqueue(turn);
        return new ValueTask(turn.Task);
    }

    public void Leave()
    {
        Check.That(_isTaken);
        if (_waiting.TryDequeue(out TaskCompletionSource? next)) next.SetResult();
        else _isTaken = false;
    }
}
