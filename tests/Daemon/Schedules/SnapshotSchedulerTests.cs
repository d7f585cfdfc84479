using Cstor.Daemon.Api;
using Cstor.Daemon.Schedules;
using Cstor.Engine.Host;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Cstor.Tests.Daemon.Schedules;

public sealed class SnapshotSchedulerTests
{
    private readonly Keeper _keeper = new();
    private readonly Clock _clock = new();

    [Fact]
    public async Task Snapshots_come_when_they_are_due_and_the_oldest_go()
    {
        _keeper.Add("db", "hourly 0 * * * * keep 3; daily 0 2 * * * keep 2");
        await RunAsync("2026-11-21 00:30", hours: 30);
        Assert.Equal(
            [
                "auto-daily-20261121T0200Z", "auto-daily-20261122T0200Z", "auto-hourly-20261122T0400Z",
                "auto-hourly-20261122T0500Z", "auto-hourly-20261122T0600Z",
            ],
            _keeper.Of("db").Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task A_new_schedule_begins_with_the_next_time_and_not_with_the_last()
    {
        _keeper.Add("db", "daily 0 2 * * * keep 2");
        await RunAsync("2026-11-21 12:00", hours: 2);
        Assert.Empty(_keeper.Of("db"));
    }

    [Fact]
    public async Task What_was_missed_while_the_daemon_was_down_is_taken_once()
    {
        _keeper.Add("db", "hourly 0 * * * * keep 9");
        await RunAsync("2026-11-21 09:30", hours: 1);
        _clock.Now = CronTimeTests.Utc("2026-11-21 15:20");
        SnapshotScheduler restarted = New();
        await restarted.TickAsync();
        await restarted.TickAsync();
        Assert.Equal(["auto-hourly-20261121T1000Z", "auto-hourly-20261121T1500Z"], _keeper.Of("db"));
    }

    [Fact]
    public async Task One_that_somebody_destroyed_is_not_taken_again()
    {
        _keeper.Add("db", "hourly 0 * * * * keep 9");
        SnapshotScheduler scheduler = New();
        _clock.Now = CronTimeTests.Utc("2026-11-21 09:59");
        await scheduler.TickAsync();
        _clock.Now = _clock.Now.AddMinutes(1);
        await scheduler.TickAsync();
        _keeper.Of("db").Clear();
        _clock.Now = _clock.Now.AddMinutes(1);
        await scheduler.TickAsync();
        Assert.Empty(_keeper.Of("db"));
    }

    [Fact]
    public async Task Held_ones_and_those_of_others_stay()
    {
        _keeper.Add("db", "hourly 0 * * * * keep 2");
        _keeper.Of("db").AddRange(["monday", "auto-hourly-20261120T0000Z", "auto-hourly-notours"]);
        _keeper.Kept.Add("auto-hourly-20261120T0000Z");
        await RunAsync("2026-11-21 00:30", hours: 5);
        Assert.Equal(
            [
                "auto-hourly-20261120T0000Z", "auto-hourly-20261121T0400Z", "auto-hourly-20261121T0500Z",
                "auto-hourly-notours", "monday",
            ],
            _keeper.Of("db").Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Volumes_with_the_same_schedule_are_taken_at_one_instant_and_one_that_fails_alone_fails()
    {
        _keeper.Add("db", "hourly 0 * * * * keep 9");
        _keeper.Add("log", "hourly 0 * * * * keep 9");
        await RunAsync("2026-11-21 00:30", hours: 1);
        Assert.Equal(["db log"], _keeper.Taken);
        _keeper.Full = "db";
        await RunAsync("2026-11-21 01:30", hours: 1);
        Assert.Single(_keeper.Of("db"));
        Assert.Equal(2, _keeper.Of("log").Count);
    }

    [Theory]
    [InlineData("hourly 0 * * * *")]
    [InlineData("0 * * * * keep 3")]
    [InlineData("hourly 0 * * * * keep 0")]
    [InlineData("hourly 0 * * * * keep many")]
    [InlineData("Hourly 0 * * * * keep 3")]
    [InlineData("hourly 0 * * * keep 3")]
    [InlineData("a @daily keep 1; a @hourly keep 2")]
    [InlineData(";")]
    public void A_schedule_that_is_none_is_refused(string text) =>
        Assert.NotNull(SnapshotSchedule.TryParse(text, out _));

    private async Task RunAsync(string from, int hours)
    {
        SnapshotScheduler scheduler = New();
        _clock.Now = CronTimeTests.Utc(from);
        for (int minute = 0; minute <= hours * 60; minute++)
        {
            await scheduler.TickAsync();
            _clock.Now = _clock.Now.AddMinutes(1);
        }
    }

    private SnapshotScheduler New() => new(_keeper, _clock, NullLogger.Instance);

    private sealed class Clock : TimeProvider
    {
        public DateTimeOffset Now { get; set; }

        public override DateTimeOffset GetUtcNow() => Now;
    }

    private sealed class Keeper : ISnapshotKeeper
    {
        private readonly Dictionary<string, (Guid Id, string Schedule, List<string> Snapshots)> _volumes = [];

        public List<string> Kept { get; } = [];

        public List<string> Taken { get; } = [];

        public string Full { get; set; } = "";

        public void Add(string volume, string schedule) => _volumes[volume] = (Guid.NewGuid(), schedule, []);

        public List<string> Of(string volume) => _volumes[volume].Snapshots;

        public Task<ScheduledVolume[]> LookAsync() => Task.FromResult(_volumes.Select(volume =>
            new ScheduledVolume(
                volume.Value.Id, "tank", volume.Key, volume.Value.Schedule, [.. volume.Value.Snapshots],
                [.. Kept])).ToArray());

        public Task<Outcome<ActionReport>> TakeAsync(string pool, string[] volumes, string snapshot)
        {
            if (volumes.Contains(Full)) return Answer(new Fault("no-space", "it is full"));
            Taken.Add(string.Join(' ', volumes));
            foreach (string volume in volumes) Of(volume).Add(snapshot);
            return Answer(new ActionReport(false, []));
        }

        public Task<Outcome<ActionReport>> DestroyAsync(string pool, string volume, string snapshot)
        {
            Assert.True(Of(volume).Remove(snapshot));
            return Answer(new ActionReport(false, []));
        }

        private static Task<Outcome<ActionReport>> Answer(Outcome<ActionReport> outcome) =>
            Task.FromResult(outcome);
    }
}
