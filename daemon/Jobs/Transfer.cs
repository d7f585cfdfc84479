using Cstor.Daemon.Api;
using Cstor.Engine.Host;
using Cstor.Engine.Streams;

namespace Cstor.Daemon.Jobs;

/// <summary>A stream that is being sent or received, or was lately.</summary>
internal sealed class Transfer(string id, string kind, string subject, DateTimeOffset startedAt) : IDisposable
{
    private readonly CancellationTokenSource _cancel = new();

    public string Id => id;

    public string Kind => kind;

    public string Subject => subject;

    public DateTimeOffset StartedAt => startedAt;

    /// <summary>Belongs to the loop of the pool.</summary>
    public TransferProgress Progress { get; } = new();

    /// <summary>When it ended, or null.</summary>
    public DateTimeOffset? EndedAt { get; private set; }

    public string State { get; private set; } = JobView.Running;

    /// <summary>Why it ended as it did; or empty.</summary>
    public string Detail { get; private set; } = "";

    /// <summary>Somebody wants it to end.</summary>
    public CancellationToken Canceled => _cancel.Token;

    /// <summary>Has it end soon; returns at once.</summary>
    public void Cancel() => _ = _cancel.CancelAsync();

    /// <summary>
    /// The other side being gone and the job being canceled look alike to the pool; only here it is known
    /// which of them it was.
    /// </summary>
    public Outcome<StreamReport> Explain(Outcome<StreamReport> outcome) =>
        outcome.IsOk || !_cancel.IsCancellationRequested
            ? outcome
            : new Fault("job-canceled", $"the {kind} of {subject} was canceled", outcome.Fault.Remedy);

    public void End(Fault? fault, DateTimeOffset now)
    {
        EndedAt = now;
        State = fault is null ? JobView.Finished
            : _cancel.IsCancellationRequested ? JobView.Canceled : JobView.Failed;
        Detail = fault?.Message ?? "";
    }

    public void Dispose() => _cancel.Dispose();
}
