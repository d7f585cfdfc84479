using Cstor.Daemon.Api;
using Cstor.Daemon.Journal;
using Cstor.Engine.Host;

namespace Cstor.Daemon.Service;

/// <summary>What was done to this daemon and what happened, as the admin API sees it.</summary>
internal sealed class Observation(History history, EventLog events, MetricsService metrics) : IObservation
{
    public HistoryEntry[] History(string? pool, int last) => history.List(pool, last);

    public EventEntry[] Events(string? pool, int last) => events.List(pool, last);

    public IAsyncEnumerable<EventEntry> FollowAsync(string? pool, long after, CancellationToken cancel) =>
        events.FollowAsync(pool, after, cancel);

    public Task<Outcome<StatisticsView>> StatisticsAsync() => metrics.StatisticsAsync();

    public Task<Outcome<string>> MetricsAsync(bool legacy) => metrics.WriteAsync(legacy);

    /// <summary>An act is an event too, for whoever watches only those.</summary>
    public void Record(ActDescription act, Outcome<ActionReport> outcome)
    {
        history.Record(act, outcome);
        string result = outcome.IsOk ? outcome.Value.Lines.FirstOrDefault("") : outcome.Fault.Message;
        events.Publish(
            outcome.IsOk ? "info" : "warning",
            "admin",
            outcome.IsOk ? "act" : "refused",
            act.Pool,
            $"{act.By}: {act.Command}: {result}");
    }
}
