using Cstor.Daemon.Api;
using Cstor.Daemon.Cli;
using Cstor.Tests.Daemon.Api;
using Xunit;

namespace Cstor.Tests.Daemon.Cli;

public sealed class JobCommandsTests
{
    [Fact]
    public async Task The_list_shows_what_is_under_way_and_with_a_what_ended()
    {
        await using RunningServer server = await RunningServer.StartAsync();
        Will(server, [Scrub(0.5), Send(JobView.Failed)]);
        Assert.Equal(0, await server.RunAsync("job", "list"));
        Assert.Equal(
            """
            JOB         KIND   OF    STATE     DONE  BYTES    RATE  LEFT  DETAIL
            scrub-tank  scrub  tank  running  50.0%     5G  100M/s   51s  0 blocks repaired, 0 lost

            """,
            server.Out.ToString());
        Assert.Equal(0, await server.RunAsync("job", "list", "--all"));
        Assert.Contains("send-3", server.Out.ToString(), StringComparison.Ordinal);
        Assert.Equal(0, await server.RunAsync("job", "list", "-a", "--json"));
        Assert.Contains("\"cancelRefusal\"", server.Out.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_jobs_the_list_says_so()
    {
        await using RunningServer server = await RunningServer.StartAsync();
        Assert.Equal(0, await server.RunAsync("job", "list"));
        Assert.Equal("no jobs\n", server.Out.ToString());
    }

    [Fact]
    public async Task A_watch_shows_progress_and_how_the_job_ended()
    {
        await using RunningServer server = await RunningServer.StartAsync();
        Will(server, [Scrub(0)], [Scrub(0.4)], [Scrub(1) with { State = JobView.Finished }]);
        Assert.Equal(0, await server.RunAsync("job", "watch", "scrub-tank"));
        Assert.Equal(
            """
            tank: scrub 0.0 %  5G  100M/s  51s left
            tank: scrub 40.0 %  5G  100M/s  51s left
            scrub-tank: scrub of tank finished, 0 blocks repaired, 0 lost

            """,
            server.Out.ToString());
    }

    [Fact]
    public async Task On_a_terminal_a_watch_draws_a_bar_over_itself()
    {
        await using RunningServer server = await RunningServer.StartAsync();
        server.IsTerminal = true;
        Will(server, [Scrub(0.5)], [Scrub(1) with { State = JobView.Finished }]);
        Assert.Equal(0, await server.RunAsync("job", "watch", "scrub-tank"));
        Assert.Contains("\rtank: scrub [###############---------------]", server.Out.ToString(),
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(JobView.Canceled)]
    [InlineData(JobView.Failed)]
    public async Task A_job_that_did_not_end_well_fails_its_watch(string state)
    {
        await using RunningServer server = await RunningServer.StartAsync();
        Will(server, [Send(JobView.Running)], [Send(state)]);
        Assert.Equal(ExitCode.Failed, await server.RunAsync("job", "watch", "send-3"));
        Assert.Contains("nobody reads", server.Out.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_job_that_is_forgotten_when_it_is_done_has_ended_well()
    {
        await using RunningServer server = await RunningServer.StartAsync();
        Will(server, [Scrub(0.5) with { Id = "destroy-1", Kind = "destroy" }], []);
        Assert.Equal(0, await server.RunAsync("job", "watch", "destroy-1"));
        Assert.EndsWith("destroy of tank finished\n", server.Out.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_job_that_never_was_cannot_be_watched()
    {
        await using RunningServer server = await RunningServer.StartAsync();
        Assert.Equal(ExitCode.Failed, await server.RunAsync("job", "watch", "send-9"));
        Assert.Contains("no job 'send-9'", server.Error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_job_is_canceled_by_its_id()
    {
        await using RunningServer server = await RunningServer.StartAsync();
        Assert.Equal(0, await server.RunAsync("job", "cancel", "send-3"));
        Assert.Equal(["send-3"], server.Daemon.JobsAsked.Canceled);
        Assert.Equal("send-3 ends\n", server.Out.ToString());
    }

    private static void Will(RunningServer server, params JobView[][] lists)
    {
        server.Daemon.JobsAsked.Lists.Clear();
        foreach (JobView[] list in lists) server.Daemon.JobsAsked.Lists.Enqueue(list);
    }

    private static JobView Scrub(double progress) =>
        new("scrub-tank", "scrub", "tank", JobView.Running, progress, 5L << 30, 10L << 30, 100L << 20, 51.2)
        {
            Detail = "0 blocks repaired, 0 lost",
        };

    private static JobView Send(string state) =>
        new("send-3", "send", "tank/db@a", state, 0.1, 1 << 20, null, 0, null)
        {
            Detail = state == JobView.Running ? "" : "nobody reads the stream any more",
        };
}
