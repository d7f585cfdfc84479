namespace Cstor.Engine.Host;

/// <summary>
/// Those who wait for something on a loop. Each has a task of its own: of several that await one task, the
/// framework lets all but one go on on other threads.
/// </summary>
public sealed class WaitQueue
{
    private List<TaskCompletionSource> _waiters = [];

    /// <summary>Completes with the next <see cref="Release"/>.</summary>
    public Task WaitAsync()
    {
        TaskCompletionSource waiter = new();
        _waiters.Add(waiter);
        return waiter.Task;
    }

    /// <summary>Lets all that wait now go on, in the order in which they came.</summary>
    public void Release()
    {
        List<TaskCompletionSource> waiters = _waiters;
        _waiters = [];
        foreach (TaskCompletionSource waiter in waiters) waiter.SetResult();
    }
}
