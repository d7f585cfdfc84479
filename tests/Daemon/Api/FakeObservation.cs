using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Cstor.Daemon.Api;
using Cstor.Engine.Host;
using Cstor.Engine.Statistics;

namespace Cstor.Tests.Daemon.Api;

/// <summary>A history and events that a test fills; notes what is recorded.</summary>
internal sealed class FakeObservation : IObservation
{
    public static readonly DateTimeOffset Noon = new(2026, 11, 21, 12, 0, 0, TimeSpan.Zero);

    public List<(ActDescription Act, string Result)> Recorded { get; } = [];

    public List<HistoryEntry> Acts { get; } =
    [
        new(1, Noon, "root", "tank", "cstor pool create tank /dev/sdb", HistoryEntry.Done, ["created"]),
        new(2, Noon.AddMinutes(1), "alice", "tank", "cstor pool destroy tank", "pool-not-empty", ["has one"]),
    ];

    public List<EventEntry> Happened { get; } =
    [
        new(7, Noon, "info", "scrub", "began", "tank", "pool tank: scrub of it begins"),
        new(8, Noon, "error", "pool", "hung", "other", "pool other: /dev/sdz does not answer"),
    ];

    /// <summary>What comes to those who follow.</summary>
    public Channel<EventEntry> ToCome { get; } = Channel.CreateUnbounded<EventEntry>();

    /// <summary>Completes when somebody follows.</summary>
    public Task Followed => _followed.Task;

    private readonly TaskCompletionSource _followed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>What is counted, one after the other; the last of them stays.</summary>
    public Queue<StatisticsView> Counted { get; } = new([Statistics(1, Noon)]);

    /// <summary>As if a volume and its pool had done so many times the same.</summary>
    public static StatisticsView Statistics(int times, DateTimeOffset time)
    {
        VolumeTimes volume = new();
        Histogram reads = new(), writes = new(), flushes = new();
        for (int i = 0; i < 3 * times; i++)
        {
            volume.Reads.Add(1_000_000);
            volume.ReadSizes.Add(8192);
            reads.Add(600_000);
        }

        for (int i = 0; i < times; i++)
        {
            volume.Add(IoStage.DeviceRead, 2_000_000);
            volume.Writes.Add(3_000_000);
            volume.WriteSizes.Add(16384);
            volume.Flushes.Add(500_000);
            volume.AnswersOf("node2").Add(200_000);
            writes.Add(400_000);
            flushes.Add(450_000);
        }

        return new StatisticsView(
            time, [], [],
            [volume.Take("tank/db")],
            [
                new("tank",
                [
                    new(FakeAdministration.Guid, "/dev/sdb", "mirror-0", 2, reads.Take(), writes.Take(),
                        flushes.Take(), 24576 * times, 65536 * times),
                    new(Guid.Empty, "/dev/sdc", "mirror-0", 0, HistogramCounts.None, HistogramCounts.None,
                        HistogramCounts.None, 0, 0),
                ]),
            ]);
    }

    public Task<Outcome<StatisticsView>> StatisticsAsync() => Task.FromResult<Outcome<StatisticsView>>(
        Counted.Count > 1 ? Counted.Dequeue() : Counted.Peek());

    public Task<Outcome<string>> MetricsAsync(bool legacy) =>
        Task.FromResult<Outcome<string>>("# HELP up x\n# TYPE up gauge\nup 1\n");

    public HistoryEntry[] History(string? pool, int last) =>
        [.. Acts.Where(act => pool is null || act.Pool == pool).TakeLast(last == 0 ? int.MaxValue : last)];

    public EventEntry[] Events(string? pool, int last) =>
        [.. Happened.Where(entry => pool is null || entry.Pool == pool)
            .TakeLast(last == 0 ? int.MaxValue : last)];

    public async IAsyncEnumerable<EventEntry> FollowAsync(
        string? pool, long after, [EnumeratorCancellation] CancellationToken cancel)
    {
        _followed.TrySetResult();
        foreach (EventEntry entry in Happened.Where(entry => entry.Sequence > after)) yield return entry;
        await foreach (EventEntry entry in ToCome.Reader.ReadAllAsync(cancel)) yield return entry;
    }

    public void Record(ActDescription act, Outcome<ActionReport> outcome)
    {
        lock (Recorded) Recorded.Add((act, outcome.IsOk ? HistoryEntry.Done : outcome.Fault.Code));
    }
}
