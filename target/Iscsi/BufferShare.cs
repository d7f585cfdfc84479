using Cstor.Engine.Host;

namespace Cstor.Target.Iscsi;

/// <summary>
/// What one connection holds of the server's <see cref="BufferBudget"/>, and who waits for more.
/// </summary>
internal sealed class BufferShare(BufferBudget budget)
{
    private readonly Queue<IBufferWaiter> _waiters = new();

    public long UsedBytes { get; private set; }

    public bool HasWaiters => _waiters.Count > 0;

    /// <summary>In the budget's line; kept by the budget.</summary>
    public bool IsQueued { get; set; }

    public BufferBudget Budget => budget;

    /// <summary>A buffer, or null when there is none now and the caller can do without.</summary>
    public IoBuffer? TryRent(int lengthBytes)
    {
        IoBuffer? buffer = budget.TryRent(this, lengthBytes);
        if (buffer is not null) UsedBytes += buffer.CapacityBytes;
        return buffer;
    }

    /// <summary>
    /// Waits in line; the waiter is called when its turn has come, or with null when the connection ends.
    /// </summary>
    public void Wait(IBufferWaiter waiter)
    {
        _waiters.Enqueue(waiter);
        if (IsQueued) return;
        IsQueued = true;
        budget.Enqueue(this);
    }

    public void Return(IoBuffer buffer)
    {
        int capacityBytes = buffer.CapacityBytes;
        UsedBytes -= capacityBytes;
        buffer.Release();
        budget.Returned(capacityBytes);
    }

    public bool TryServeOne()
    {
        if (!_waiters.TryPeek(out IBufferWaiter? waiter)) return false;
        IoBuffer? buffer = TryRent(waiter.WantedBytes);
        if (buffer is null) return false;
        _waiters.Dequeue();
        waiter.OnBuffer(buffer);
        return true;
    }

    /// <summary>The connection ends: everybody in line learns that nothing will come.</summary>
    public void Cancel()
    {
        while (_waiters.TryDequeue(out IBufferWaiter? waiter)) waiter.OnBuffer(null);
    }
}
