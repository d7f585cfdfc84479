using Cstor.Engine.Host;

namespace Cstor.Daemon.Api;

/// <summary>What was done to a running daemon and what happened to it. Called from any thread.</summary>
internal interface IObservation
{
    /// <summary>Acts that are kept, the oldest first.</summary>
    /// <param name="pool">Only those about it; all without.</param>
    /// <param name="last">At most so many, the newest; 0 for all that are kept.</param>
    HistoryEntry[] History(string? pool, int last);

    /// <summary>Events that are kept, the oldest first; arguments as for <see cref="History"/>.</summary>
    EventEntry[] Events(string? pool, int last);

    /// <summary>Events that are kept and younger than a sequence number, then those to come.</summary>
    IAsyncEnumerable<EventEntry> FollowAsync(string? pool, long after, CancellationToken cancel);

    /// <summary>Everything that is always counted.</summary>
    Task<Outcome<StatisticsView>> StatisticsAsync();

    /// <summary>Metrics in the text format of Prometheus.</summary>
    /// <param name="legacy">By the names of the OpenEBS exporter.</param>
    Task<Outcome<string>> MetricsAsync(bool legacy);

    /// <summary>Notes an act that has ended; durable when this returns.</summary>
    void Record(ActDescription act, Outcome<ActionReport> outcome);
}

/// <param name="By">Who asked.</param>
/// <param name="Pool">About which pool, or empty.</param>
/// <param name="Command">As typed, or the request.</param>
internal sealed record ActDescription(string By, string Pool, string Command);
