using System.Diagnostics;
using System.Text.Json;
using Cstor.Tests.Daemon.Service;
using Xunit;

namespace Cstor.Tests.Daemon.Schedules;

/// <summary>A whole daemon whose minutes take a second.</summary>
public sealed class ScheduledSnapshotsTests
{
    private const int PatienceSeconds = 60;

    [Fact]
    public async Task Snapshots_come_every_minute_the_oldest_go_and_those_that_are_held_stay()
    {
        await using RunningDaemon daemon = new();
        HastyClock clock = new(CronTimeTests.Utc("2026-11-21 23:57"), 60);
        Assert.Null(await daemon.StartAsync(daemon.Options with { Clock = clock }));
        await DoneAsync(daemon, "pool", "create", "tank", daemon.Disk("a"));
        await DoneAsync(daemon, "volume", "create", "tank/db", "16M");
        await DoneAsync(daemon, "volume", "create", "tank/log", "16M");
        await DoneAsync(daemon, "snapshot", "tank/db@mine");
        await DoneAsync(daemon, "volume", "set", "tank/db", "snapshot-schedule=often * * * * * keep 3");
        await DoneAsync(daemon, "volume", "set", "tank/log", "snapshot-schedule=often * * * * * keep 2");
        string[] first = await UntilAsync(daemon, "tank/db", names => names.Length == 4);
        string held = first.First(
            static name => name.StartsWith("tank/db@auto-often-", StringComparison.Ordinal));
        await DoneAsync(daemon, "snapshot", "hold", "audit", held);
        string last = first[^1];
        string[] later = await UntilAsync(daemon, "tank/db", names => !names.Contains(last));
        Assert.Contains(held, later);
        Assert.Contains("tank/db@mine", later);
        Assert.InRange(later.Length, 4, 6);
        Assert.All(await ListAsync(daemon, "tank/log"), static name => Assert.Matches(
            "^tank/log@auto-often-202611(21T23|22T00)[0-9]{2}Z$", name));

        // Both were taken at once, and it is told by whom.
        await DoneAsync(daemon, "pool", "history", "--last", "0", "tank");
        string history = daemon.Out.ToString();
        Assert.Matches("schedule +cstor snapshot tank/db@(auto-often-[0-9TZ]+) tank/log@\\1", history);
        Assert.Contains("cstor snapshot destroy tank/log@auto-often-", history, StringComparison.Ordinal);

        await DoneAsync(daemon, "volume", "set", "tank/db", "snapshot-schedule=none");
        await Task.Delay(TimeSpan.FromSeconds(1.5));
        string[] stopped = await ListAsync(daemon, "tank/db");
        await Task.Delay(TimeSpan.FromSeconds(2.5));
        Assert.Equal(stopped, await ListAsync(daemon, "tank/db"));
    }

    private static async Task<string[]> UntilAsync(
        RunningDaemon daemon, string volume, Func<string[], bool> isSo)
    {
        Stopwatch waited = Stopwatch.StartNew();
        while (true)
        {
            string[] names = await ListAsync(daemon, volume);
            if (isSo(names)) return names;
            Assert.True(waited.Elapsed.TotalSeconds < PatienceSeconds, string.Join(' ', names));
            await Task.Delay(50);
        }
    }

    private static async Task<string[]> ListAsync(RunningDaemon daemon, string volume)
    {
        await DoneAsync(daemon, "snapshot", "list", volume, "--json");
        using JsonDocument document = JsonDocument.Parse(daemon.Out.ToString());
        return [.. document.RootElement.EnumerateArray()
            .Select(static each => each.GetProperty("name").GetString()!)];
    }

    private static async Task DoneAsync(RunningDaemon daemon, params string[] words) =>
        Assert.True(await daemon.RunAsync(words) == 0, daemon.Error.ToString());
}
