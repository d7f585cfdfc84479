using System.Threading.Tasks.Sources;
using Cstor.Engine.Trees;
using Cstor.PoolLayout;

namespace Cstor.Engine.Volumes;

/// <summary>
/// Orders changes of the same blocks: whoever writes or unmaps holds its range until the new pointers are
/// visible, so that a partial write never merges into a block that another write is replacing. First come,
/// first served; readers need no lock.
/// </summary>
internal sealed class BlockLocks
{
    private readonly List<BlockRange> _held = new(64);
    private readonly List<Waiter> _waiting = [];
    private readonly Stack<Waiter> _freeWaiters = [];

    /// <summary>Ranges held now.</summary>
    public int HeldCount => _held.Count;

    /// <summary>Completes when no earlier request holds or awaits an overlapping range.</summary>
    public ValueTask AcquireAsync(BlockRange range)
    {
        if (!OverlapsHeld(range) && !OverlapsWaiting(range, _waiting.Count))
        {
            _held.Add(range);
            return ValueTask.CompletedTask;
        }

        if (!_freeWaiters.TryPop(out Waiter? waiter)) waiter = new Waiter(_freeWaiters);
        waiter.Range = range;
        _waiting.Add(waiter);
        return waiter.Task;
    }

    /// <summary>Gives a range back and lets those who waited for it go on.</summary>
    public void Release(BlockRange range)
    {
        int at = _held.IndexOf(range);
        Check.That(at >= 0);
        _held[at] = _held[^1];
        _held.RemoveAt(_held.Count - 1);
        for (int i = 0; i < _waiting.Count;)
        {
            Waiter waiter = _waiting[i];
            if (OverlapsHeld(waiter.Range) || OverlapsWaiting(waiter.Range, i))
            {
                i++;
                continue;
            }

            _waiting.RemoveAt(i);
            _held.Add(waiter.Range);
            waiter.Grant();
            // The continuation ran and may have changed the list.
            i = 0;
        }
    }

    private bool OverlapsHeld(BlockRange range)
    {
        foreach (BlockRange held in _held)
            if (held.Overlaps(range))
                return true;
        return false;
    }

    private bool OverlapsWaiting(BlockRange range, int before)
    {
        for (int i = 0; i < before; i++)
            if (_waiting[i].Range.Overlaps(range))
                return true;
        return false;
    }

    private sealed class Waiter(Stack<Waiter> pool) : IValueTaskSource
    {
        private ManualResetValueTaskSourceCore<bool> _source;

        public BlockRange Range { get; set; }

        public ValueTask Task => new(this, _source.Version);

        public void Grant() => _source.SetResult(true);

        public void GetResult(short token)
        {
            _source.GetResult(token);
            _source.Reset();
            pool.Push(this);
        }

        public ValueTaskSourceStatus GetStatus(short token) => _source.GetStatus(token);

        public void OnCompleted(
            Action<object?> continuation, object? state, short token,
                ValueTaskSourceOnCompletedFlags flags) =>
            _source.OnCompleted(continuation, state, token, flags);
    }
}
