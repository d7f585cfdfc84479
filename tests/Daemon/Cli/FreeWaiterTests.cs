using Cstor.Daemon.Cli;
using Cstor.Engine.Pools;
using Cstor.Tests.Daemon.Api;
using Xunit;

namespace Cstor.Tests.Daemon.Cli;

public sealed class FreeWaiterTests
{
    [Fact]
    public async Task The_wait_ends_when_all_that_was_destroyed_came_back()
    {
        await using RunningServer server = await RunningServer.StartAsync();
        Will(server, 10, 8, 9, 1, 0);
        Assert.Equal(0, await server.RunAsync("pool", "wait", "-t", "free", "tank"));
        Assert.Equal(
            """
            tank: free 0.0 %  10G left
            tank: free 20.0 %  8G left
            tank: free 90.0 %  1G left
            tank: all that was destroyed came back

            """,
            server.Out.ToString());
    }

    [Fact]
    public async Task Where_nothing_was_destroyed_there_is_nothing_to_wait_for()
    {
        await using RunningServer server = await RunningServer.StartAsync();
        Assert.Equal(0, await server.RunAsync("pool", "wait", "-t", "free", "tank"));
        Assert.Equal("tank: nothing to wait for\n", server.Out.ToString());
    }

    [Fact]
    public async Task A_wait_for_a_scrub_does_not_wait_for_space()
    {
        await using RunningServer server = await RunningServer.StartAsync();
        Will(server, 10);
        Assert.Equal(0, await server.RunAsync("pool", "wait", "-t", "scrub", "tank"));
        Assert.Equal("tank: nothing to wait for\n", server.Out.ToString());
    }

    [Fact]
    public async Task A_pool_that_stops_meanwhile_fails_the_wait()
    {
        await using RunningServer server = await RunningServer.StartAsync();
        Will(server, 10);
        server.Daemon.Statuses.Enqueue(
            Freeing(9) with { Health = "stopped" });
        Assert.Equal(ExitCode.Failed, await server.RunAsync("pool", "wait", "tank"));
        Assert.Contains("pool tank is stopped", server.Error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_last_of_it_is_waited_for_though_nothing_more_may_come()
    {
        await using RunningServer server = await RunningServer.StartAsync();
        server.Daemon.Statuses.Enqueue(Freeing(0) with
        {
            Data = new DataStatus(0, 0, 0, [new("tank/db@monday", 99)]),
        });
        Will(server, 0);
        Assert.Equal(0, await server.RunAsync("pool", "wait", "-t", "free", "tank"));
        Assert.EndsWith("destroyed came back\n", server.Out.ToString(), StringComparison.Ordinal);
    }

    private static void Will(RunningServer server, params int[] freeingGigabytes)
    {
        foreach (int left in freeingGigabytes) server.Daemon.Statuses.Enqueue(Freeing(left));
    }

    private static PoolStatus Freeing(long gigabytes) => FakeAdministration.Tank() with
    {
        Data = new DataStatus(
            0, 0, gigabytes << 30, gigabytes == 0 ? [] : [new DestructionStatus("tank/db@monday", 40)]),
    };
}
