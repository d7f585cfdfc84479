using Cstor.Engine.Host;

namespace Cstor.Target.Scsi;

/// <summary>
/// Holds commands back so that a unit does no more than its limits allow. Each limit is a moment: until when
/// what was let through so far would have taken at the allowed rate. A command goes ahead if neither moment
/// is further away than the burst, and moves both by its own cost, so a command larger than a burst passes
/// too and those behind it wait the longer. Without limits nothing is looked at. First come, first served.
/// </summary>
internal sealed class RateLimiter
{
    private const long NanosecondsPerSecond = 1_000_000_000;

    private readonly ILoop _loop;
    private readonly Action<ScsiTask> _start;
    private readonly LinkedList<ScsiTask> _waiting = new();
    private readonly ILoopTimer _timer;
    private RateLimits _limits = RateLimits.None;
    private long _commandsUntil;
    private long _bytesUntil;

    /// <param name="loop">Of the unit.</param>
    /// <param name="start">Takes a task whose turn has come.</param>
    public RateLimiter(ILoop loop, Action<ScsiTask> start)
    {
        _loop = loop;
        _start = start;
        _timer = loop.CreateTimer(Resume);
    }

    /// <summary>Tasks held back now.</summary>
    public int WaitingCount => _waiting.Count;

    private bool IsUnlimited => _limits.CommandsPerSecond == 0 && _limits.BytesPerSecond == 0;

    /// <summary>New limits, in force at once: whoever they let through goes ahead.</summary>
    public void Apply(RateLimits limits)
    {
        if (limits == _limits) return;
        _limits = limits;
        // What was owed under the old rate is forgotten; what may be saved up begins anew.
        _commandsUntil = 0;
        _bytesUntil = 0;
        Resume();
    }

    /// <summary>True when the task may go ahead now; otherwise it is started later.</summary>
    public bool TryEnter(ScsiTask task)
    {
        if (IsUnlimited) return true;
        if (_waiting.Count == 0 && WaitNanoseconds() == 0)
        {
            Charge(task);
            return true;
        }

        task.LimitedNanoseconds = _loop.NowNanoseconds;
        task.Place.LimitNode ??= new LinkedListNode<ScsiTask>(task);
        _waiting.AddLast(task.Place.LimitNode);
        if (_waiting.Count == 1) _timer.Start(WaitNanoseconds());
        return false;
    }

    /// <summary>Takes a task out of the line, if it stands there; the caller ends it.</summary>
    public bool TryRemove(ScsiTask task)
    {
        if (task.Place.LimitNode?.List != _waiting) return false;
        _waiting.Remove(task.Place.LimitNode);
        return true;
    }

    private void Resume()
    {
        while (_waiting.First is { } first)
        {
            long wait = IsUnlimited ? 0 : WaitNanoseconds();
            if (wait > 0)
            {
                _timer.Start(wait);
                return;
            }

            _waiting.RemoveFirst();
            if (!IsUnlimited) Charge(first.Value);
            _start(first.Value);
        }

        _timer.Stop();
    }

    /// <summary>How long whoever is first must wait.</summary>
    private long WaitNanoseconds()
    {
        long burst = _limits.BurstSeconds * NanosecondsPerSecond;
        long until = Math.Max(
            _limits.CommandsPerSecond > 0 ? _commandsUntil : 0, _limits.BytesPerSecond > 0 ? _bytesUntil : 0);
        return Math.Max(0, until - burst - _loop.NowNanoseconds);
    }

    private void Charge(ScsiTask task)
    {
        long now = _loop.NowNanoseconds;
        if (_limits.CommandsPerSecond > 0)
            _commandsUntil =
                Math.Max(now, _commandsUntil) + (NanosecondsPerSecond / _limits.CommandsPerSecond);
        if (_limits.BytesPerSecond == 0) return;
        long bytes = Math.Max(task.ExpectedInBytes, task.DataOutBytes);
        long cost = (long)((double)bytes * NanosecondsPerSecond / _limits.BytesPerSecond);
        _bytesUntil = Math.Max(now, _bytesUntil) + cost;
    }
}
