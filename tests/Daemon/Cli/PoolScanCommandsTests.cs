using Cstor.Daemon.Api;
using Cstor.Daemon.Cli;
using Cstor.Engine.Host;
using Cstor.Engine.Pools;
using Cstor.Tests.Daemon.Api;
using Xunit;

namespace Cstor.Tests.Daemon.Cli;

public sealed class PoolScanCommandsTests
{
    private static readonly DateTimeOffset Noon = new(2026, 11, 21, 12, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData("start", "pool scrub tank")]
    [InlineData("pause", "pool scrub -p tank")]
    [InlineData("stop", "pool scrub -s tank")]
    public async Task Scrub_begins_pauses_and_stops(string verb, string words)
    {
        await using RunningServer server = await RunningServer.StartAsync();
        Assert.Equal(0, await server.RunAsync(words.Split(' ')));
        Assert.Equal([("tank", new ScrubRequest(verb))], server.Daemon.Asked);
    }

    [Fact]
    public async Task Scrub_takes_several_pools_and_begins_all_that_it_can()
    {
        await using RunningServer server = await RunningServer.StartAsync();
        Assert.Equal(0, await server.RunAsync("pool", "scrub", "tank", "lake"));
        Assert.Equal(
            [("tank", new ScrubRequest("start")), ("lake", new ScrubRequest("start"))], server.Daemon.Asked);
    }

    [Fact]
    public async Task Waiting_for_a_scrub_prints_a_line_for_every_tenth_and_the_end()
    {
        await using RunningServer server = await RunningServer.StartAsync();
        foreach (int percent in (int[])[3, 4, 12, 19, 55]) Will(server, Scrub("running", percent));
        Will(server, Scrub("finished", 100));
        Assert.Equal(0, await server.RunAsync("pool", "scrub", "-w", "tank"));
        Assert.Equal(
            """
            done
            and noted
            tank: scrub 3.0 %  100M/s  1m0s left
            tank: scrub 12.0 %  100M/s  1m0s left
            tank: scrub 55.0 %  100M/s  1m0s left
            tank: scrub of 2026-11-21 12:00:00Z finished after 2m0s: 100M looked at, 0 blocks repaired, 0 lost

            """,
            server.Out.ToString());
    }

    [Fact]
    public async Task A_scrub_that_ended_before_the_first_look_was_waited_for()
    {
        await using RunningServer server = await RunningServer.StartAsync();
        Will(server, Scrub("finished", 100));
        Assert.Equal(0, await server.RunAsync("pool", "scrub", "-w", "tank"));
        Assert.Contains("finished", server.Out.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task On_a_terminal_a_bar_is_drawn_over_itself_and_makes_way()
    {
        await using RunningServer server = await RunningServer.StartAsync();
        server.IsTerminal = true;
        Will(server, Scrub("running", 50));
        Will(server, Scrub("finished", 100));
        Assert.Equal(0, await server.RunAsync("pool", "wait", "tank"));
        string bar = "tank: scrub [###############---------------]  50.0 %  100M/s  1m0s left";
        string blank = new(' ', bar.Length);
        Assert.StartsWith(
            $"\r{bar}\r{blank}\rtank: scrub of", server.Out.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("paused", 0, "the scrub was paused")]
    [InlineData("canceled", 0, "the scrub was stopped before its end")]
    [InlineData("finished", 2, "blocks are lost")]
    public async Task A_scrub_that_does_not_end_well_fails_the_wait(string state, long lost, string expected)
    {
        await using RunningServer server = await RunningServer.StartAsync();
        Will(server, Scrub("running", 50));
        Will(server, Scrub(state, 60) with { LostBlocks = lost });
        Assert.Equal(ExitCode.Failed, await server.RunAsync("pool", "wait", "tank"));
        Assert.Contains(expected, server.Error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_not_waited_for_does_not_hold_the_wait()
    {
        await using RunningServer server = await RunningServer.StartAsync();
        Will(server, Scrub("running", 50));
        Assert.Equal(0, await server.RunAsync("pool", "wait", "-t", "resilver", "tank"));
        Assert.Equal("tank: nothing to wait for\n", server.Out.ToString());
    }

    [Fact]
    public async Task An_old_loss_does_not_fail_a_wait_for_nothing()
    {
        await using RunningServer server = await RunningServer.StartAsync();
        Will(server, Scrub("finished", 100) with { LostBlocks = 1 });
        Assert.Equal(0, await server.RunAsync("pool", "wait", "tank"));
    }

    [Fact]
    public async Task A_scrub_that_gave_way_to_a_resilver_was_no_scrub()
    {
        await using RunningServer server = await RunningServer.StartAsync();
        Will(server, Scrub("running", 50));
        Will(server, Scrub("running", 10) with { Kind = "resilver" });
        Will(server, Scrub("finished", 100) with { Kind = "resilver" });
        Assert.Equal(ExitCode.Failed, await server.RunAsync("pool", "scrub", "-w", "tank"));
        Assert.Contains("gave way to a resilver", server.Error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_pool_that_goes_away_ends_the_wait()
    {
        await using RunningServer server = await RunningServer.StartAsync();
        server.Daemon.Fault = new Fault("no-such-pool", "there is no pool 'tank'", "See: cstor pool list");
        Assert.Equal(ExitCode.Failed, await server.RunAsync("pool", "wait", "tank"));
        Assert.Contains("no pool 'tank'", server.Error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_check_ends_with_1_if_there_is_a_problem()
    {
        await using RunningServer server = await RunningServer.StartAsync();
        Assert.Equal(0, await server.RunAsync("pool", "check", "tank"));
        Assert.Equal(
            "pool tank: 1234 blocks verified, 5G in use: no problem found\n", server.Out.ToString());
        server.Daemon.Check = new CheckView("tank", 1234, 5L << 30, 1, ["tank/db block 7: lost"], []);
        Assert.Equal(ExitCode.Failed, await server.RunAsync("pool", "check", "tank"));
        Assert.Contains("\n  tank/db block 7: lost\n", server.Out.ToString(), StringComparison.Ordinal);
        Assert.Equal([("check", "tank"), ("check", "tank")], server.Daemon.Asked);
    }

    private static void Will(RunningServer server, ScanStatus scan) =>
        server.Daemon.Statuses.Enqueue(FakeAdministration.Tank() with { Scan = scan });

    private static ScanStatus Scrub(string state, int percent) => new(
        "scrub",
        state,
        Noon,
        state == "running" ? null : Noon.AddMinutes(2),
        percent * (1L << 20),
        100L << 20,
        0,
        0,
        0,
        state == "running" ? 100L << 20 : 0,
        state == "running" ? TimeSpan.FromMinutes(1) : null);
}
