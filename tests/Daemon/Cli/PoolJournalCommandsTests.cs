using System.Text.Json;
using Cstor.Daemon.Api;
using Cstor.Daemon.Cli;
using Cstor.Engine.Host;
using Cstor.Tests.Daemon.Api;
using Xunit;

namespace Cstor.Tests.Daemon.Cli;

public sealed class PoolJournalCommandsTests
{
    [Fact]
    public async Task A_change_is_recorded_as_it_was_typed_with_who_asked_and_what_became_of_it()
    {
        await using RunningServer server = await RunningServer.StartAsync();
        await server.RunAsync("volume", "set", "tank/db", "compression=zstd", "initiators=iqn.a:it's one");
        server.Daemon.Fault = new Fault("pool-not-empty", "has volumes");
        await server.RunAsync("--socket", server.SocketPath, "pool", "destroy", "tank");
        server.Daemon.Fault = null;
        await server.RunAsync("pool", "list");
        Assert.Equal(
            [
                (Environment.UserName, "tank",
                    "cstor volume set tank/db compression=zstd 'initiators=iqn.a:it'\\''s one'", "done"),
                (Environment.UserName, "tank", "cstor pool destroy tank", "pool-not-empty"),
            ],
            server.Daemon.Observed.Recorded.Select(
                entry => (entry.Act.By, entry.Act.Pool, entry.Act.Command, entry.Result)));
    }

    [Fact]
    public async Task A_change_that_was_not_typed_is_recorded_as_its_request()
    {
        await using RunningServer server = await RunningServer.StartAsync();
        using HttpClient http = server.Connect();
        using StringContent body =
            new("{\"force\":false,\"dryRun\":false}", null, "application/json");
        await http.PostAsync(Routes.Fill(Routes.PoolExport, "tank"), body);
        ActDescription act = Assert.Single(server.Daemon.Observed.Recorded).Act;
        Assert.Equal(("tank", "POST /v1/pools/tank/export"), (act.Pool, act.Command));
    }

    [Fact]
    public async Task History_says_when_who_what_and_why_not()
    {
        await using RunningServer server = await RunningServer.StartAsync();
        Assert.Equal(0, await server.RunAsync("pool", "history", "tank"));
        Assert.Equal(
            [
                "2026-11-21 12:00:00Z  root  cstor pool create tank /dev/sdb",
                "2026-11-21 12:01:00Z  alice  cstor pool destroy tank  [pool-not-empty: has one]",
            ],
            Lines(server));
        Assert.Equal(0, await server.RunAsync("pool", "history", "--last", "1", "--json"));
        using JsonDocument json = JsonDocument.Parse(server.Out.ToString());
        Assert.Equal("alice", Assert.Single(json.RootElement.EnumerateArray()).GetProperty("by").GetString());
        Assert.Equal(ExitCode.Usage, await server.RunAsync("pool", "history", "--last", "-1"));
    }

    [Fact]
    public async Task Events_of_one_pool_leave_those_of_others_out()
    {
        await using RunningServer server = await RunningServer.StartAsync();
        Assert.Equal(0, await server.RunAsync("pool", "events", "tank"));
        Assert.Equal(["2026-11-21 12:00:00Z  info      pool tank: scrub of it begins"], Lines(server));
    }

    [Fact]
    public async Task Following_shows_the_last_ones_then_each_that_comes_until_the_daemon_ends()
    {
        await using RunningServer server = await RunningServer.StartAsync();
        Task<int> following = server.RunAsync("pool", "events", "--follow", "--last", "1");
        server.Daemon.Observed.ToCome.Writer.TryWrite(
            new(9, FakeObservation.Noon, "warning", "pool", "slow", "tank", "pool tank: /dev/sdb is slow"));
        server.Daemon.Observed.ToCome.Writer.Complete();
        Assert.Equal(0, await following);
        Assert.Equal(
            [
                "2026-11-21 12:00:00Z  error     pool other: /dev/sdz does not answer",
                "2026-11-21 12:00:00Z  warning   pool tank: /dev/sdb is slow",
            ],
            Lines(server));
    }

    [Fact]
    public async Task A_server_that_stops_does_not_wait_for_those_who_follow()
    {
        await using RunningServer server = await RunningServer.StartAsync();
        Task<int> following = server.RunAsync("pool", "events", "--follow", "--json");
        await server.Daemon.Observed.Followed;
        await server.StopAsync();
        await following;
    }

    private static string[] Lines(RunningServer server) =>
        server.Out.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries);
}
