using System.Threading.Tasks.Sources;
using Cstor.Engine.Host;

namespace Cstor.Engine.Vdevs;

/// <summary>Device requests that are awaited together and told apart by their tags. Reusable.</summary>
internal sealed class RequestGroup : IValueTaskSource, IRequestOwner
{
    private ManualResetValueTaskSourceCore<bool> _core;
    private IoStatus[] _statuses = new IoStatus[16];
    private int _pending;

    /// <summary>How the request of each tag ended.</summary>
    public ReadOnlySpan<IoStatus> Statuses => _statuses;

    /// <summary>Begins a round.</summary>
    /// <param name="tags">Tags 0 to this - 1 are used; those without a request count as Ok.</param>
    public void Begin(int tags)
    {
        if (_statuses.Length < tags) _statuses = new IoStatus[tags];
        _statuses.AsSpan(0, tags).Clear();
        _pending = 1;
    }

    /// <summary>Notes that a request of the tag is about to begin; each is followed by its end.</summary>
    public void Expect() => _pending++;

    /// <summary>Sets the outcome of a tag without a request.</summary>
    public void Set(int tag, IoStatus status) => _statuses[tag] = status;

    /// <summary>All requests were started: completes when all have ended.</summary>
    public ValueTask WhenEndedAsync()
    {
        ValueTask task = new(this, _core.Version);
        Countdown();
        return task;
    }

    // A tag may have several requests: the first failure stands.
    public void OnRequestEnded(int tag, IoStatus status)
    {
        if (_statuses[tag] == IoStatus.Ok || status == IoStatus.DeviceTimeout) _statuses[tag] = status;
        Countdown();
    }

    public void GetResult(short token)
    {
        _core.GetResult(token);
        _core.Reset();
    }

    public ValueTaskSourceStatus GetStatus(short token) => _core.GetStatus(token);

    public void OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);

    private void Countdown()
    {
        if (--_pending == 0) _core.SetResult(true);
    }
}
