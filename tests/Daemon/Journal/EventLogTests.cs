using Cstor.Daemon.Api;
using Cstor.Daemon.Journal;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Cstor.Tests.Daemon.Journal;

public sealed partial class EventLogTests : IDisposable
{
    private readonly ScratchDirectory _scratch = new();

    public void Dispose() => _scratch.Dispose();

    [Fact]
    public async Task Events_outlive_the_daemon_and_those_of_its_start_come_behind_them()
    {
        await using (EventLog first = new(TimeProvider.System))
        {
            first.Open(_scratch.Path, NullLogger.Instance);
            first.Publish("error", "pool", "hung", "tank", "a");
            first.Publish("info", "pool", "answers", "tank", "b");
        }
        await using (EventLog second = new(TimeProvider.System))
        {
            second.Publish("info", "pools", "imported", "tank", "c");
            second.Open(_scratch.Path, NullLogger.Instance);
            second.Publish("info", "pools", "imported", "other", "d");
            Assert.Equal(["a", "b", "c", "d"], second.List(null, 0).Select(entry => entry.Text));
            Assert.Equal([1L, 2, 3, 4], second.List(null, 0).Select(entry => entry.Sequence));
        }
        await using EventLog third = new(TimeProvider.System);
        third.Open(_scratch.Path, NullLogger.Instance);
        Assert.Equal(["a", "b", "c"], third.List("tank", 0).Select(entry => entry.Text));
        Assert.Equal("d", Assert.Single(third.List(null, 1)).Text);
    }

    [Fact]
    public async Task Who_follows_sees_what_was_and_what_comes_once_each_until_the_end()
    {
        EventLog log = new(TimeProvider.System);
        log.Publish("info", "x", "c", "tank", "old");
        log.Publish("info", "x", "c", "tank", "1");
        log.Publish("info", "x", "c", "other", "not ours");
        List<string> seen = [];
        TaskCompletionSource first = new();
        Task following = FollowAsync();
        await first.Task;
        log.Publish("info", "x", "c", "other", "not ours either");
        log.Publish("info", "x", "c", "tank", "2");
        await log.DisposeAsync();
        await following;
        Assert.Equal(["1", "2"], seen);

        async Task FollowAsync()
        {
            await foreach (EventEntry entry in log.FollowAsync("tank", 1, CancellationToken.None))
            {
                seen.Add(entry.Text);
                first.TrySetResult();
            }
        }
    }

    [Fact]
    public async Task What_is_logged_becomes_an_event_of_its_pool_with_severity_and_code()
    {
        await using EventLog log = new(TimeProvider.System);
        using ILoggerFactory loggers = LoggerFactory.Create(builder => builder
            .SetMinimumLevel(LogLevel.None)
            .AddProvider(new EventLoggerProvider(log))
            .AddFilter<EventLoggerProvider>(null, LogLevel.Information));
        ILogger pool = loggers.CreateLogger("Cstor.Pool");
        ILogger volumes = loggers.CreateLogger("cstor.volumes");
        ILogger targets = loggers.CreateLogger("cstor.targets");
        ILogger api = loggers.CreateLogger("cstor.api");
        ILogger web = loggers.CreateLogger("Microsoft.AspNetCore");
        LogStandsIn(pool, "tank", "/dev/x");
        NearlyFull(volumes, "tank/db");
        NotServed(targets, "iqn.2026-11.io.cstor:tank.db.new");
        Detail(pool, "tank");
        Changed(volumes, "an act, which the history has");
        Changed(api, "a request");
        LogStandsIn(web, "tank", "not ours");
        EventEntry[] all = log.List(null, 0);
        Assert.Equal(
            ["error pool stands-in tank", "warning volumes nearly-full tank", "info targets not-served tank"],
            all.Select(entry => $"{entry.Severity} {entry.Source} {entry.Code} {entry.Pool}"));
        Assert.Equal("pool tank: /dev/x is gone", all[0].Text);
    }

    [Fact]
    public async Task A_follower_that_does_not_read_holds_nobody_up_and_misses_the_older_ones()
    {
        EventLog log = new(TimeProvider.System);
        IAsyncEnumerator<EventEntry> follower =
            log.FollowAsync(null, 0, CancellationToken.None).GetAsyncEnumerator();
        ValueTask<bool> next = follower.MoveNextAsync();
        for (int i = 0; i < 10_000; i++) log.Publish("info", "x", "c", "", $"{i}");
        Assert.Equal(EventLog.MaximumEntries, log.List(null, 0).Length);
        await log.DisposeAsync();
        List<long> seen = [];
        for (bool more = await next; more; more = await follower.MoveNextAsync())
        {
            seen.Add(follower.Current.Sequence);
        }

        Assert.InRange(seen.Count, 1, 2000);
        Assert.Equal(seen.Order(), seen);
        Assert.Equal(10_000, seen[^1]);
        await follower.DisposeAsync();
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "pool {Pool}: {Path} is gone")]
    private static partial void LogStandsIn(ILogger logger, string pool, string path);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Volume}: nearly full")]
    private static partial void NearlyFull(ILogger logger, string volume);

    [LoggerMessage(Level = LogLevel.Information, Message = "{Target} is not served")]
    private static partial void NotServed(ILogger logger, string target);

    [LoggerMessage(Level = LogLevel.Debug, Message = "pool {Pool}: nobody wants to know")]
    private static partial void Detail(ILogger logger, string pool);

    [LoggerMessage(Level = LogLevel.Information, Message = "{What}")]
    private static partial void Changed(ILogger logger, string what);
}
