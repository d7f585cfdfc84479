using Cstor.Daemon.State;
using Cstor.Engine.Host;
using Microsoft.Extensions.Logging;

namespace Cstor.Daemon.Service;

/// <summary>
/// The pools that are ours to open, and for those that are not open the reason. A pool is remembered before
/// its targets are offered and forgotten after it was closed, so that a crash in between errs on the side of
/// opening it again. Called from any thread.
/// </summary>
internal sealed partial class KnownPools(StateDirectory state, ILogger logger)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<Guid, Fault> _unavailable = [];

    public KnownPool[] All => state.Pools;

    /// <summary>Told of every pool that is opened, on the thread that opens it.</summary>
    public Action<KnownPool> Remembered { get; set; } = static _ => { };

    public int UnavailableCount
    {
        get
        {
            lock (_gate) return _unavailable.Count;
        }
    }

    /// <summary>The pool is open and shall be again at the next start.</summary>
    public void Opened(KnownPool pool)
    {
        lock (_gate) _unavailable.Remove(pool.Guid);
        Remembered(pool);
        try
        {
            state.Remember(pool);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            NotRemembered(exception, pool.Name);
        }
    }

    /// <summary>The pool is not ours any more.</summary>
    public void GivenUp(Guid guid)
    {
        lock (_gate) _unavailable.Remove(guid);
        try
        {
            state.Forget(guid);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            NotForgotten(exception, guid);
        }
    }

    /// <summary>The pool should be open and is not.</summary>
    public void Missed(Guid guid, Fault reason)
    {
        lock (_gate) _unavailable[guid] = reason;
    }

    public Fault? ReasonOf(Guid guid)
    {
        lock (_gate) return _unavailable.GetValueOrDefault(guid);
    }

    public KnownPool? FindUnavailable(string nameOrGuid)
    {
        foreach (KnownPool pool in state.Pools)
        {
            bool isMeant = pool.Name == nameOrGuid || pool.Guid.ToString() == nameOrGuid;
            if (isMeant && ReasonOf(pool.Guid) is not null) return pool;
        }
        return null;
    }

    [LoggerMessage(
        Level = LogLevel.Error,
        Message = "pool {Pool} is open but will not be at the next start: cannot note it")]
    private partial void NotRemembered(Exception exception, string pool);

    [LoggerMessage(
        Level = LogLevel.Error,
        Message = "pool {Guid} is closed but will be looked for at the next start: cannot note it")]
    private partial void NotForgotten(Exception exception, Guid guid);
}
