using Cstor.Daemon.Api;
using Cstor.Daemon.Cli;
using Cstor.Tests.Daemon.Api;
using Xunit;

namespace Cstor.Tests.Daemon.Cli;

public sealed class TargetCommandsTests
{
    [Fact]
    public async Task A_verbose_list_shows_what_target_unit_and_session_did()
    {
        await using RunningServer server = await RunningServer.StartAsync();
        Assert.Equal(0, await server.RunAsync("target", "list", "-v"));
        string[] lines = server.Out.ToString().Split('\n');
        Assert.Equal("iqn.2026-11.io.cstor:tank.db", lines[0]);
        Assert.Contains("  logins 3, refused 1", lines);
        string[] session = lines.Single(line => line.Contains("iqn.x:1", StringComparison.Ordinal))
            .Split(' ', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(
            ["iqn.x:1", "9", "6", "3", "24K", "12K", "0", "0", "0", "2", "10.0.0.9:4711", "10.0.0.1:3260,1"],
            session);
        Assert.Contains(lines, line => line.StartsWith("  LUN 0", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Portals_are_added_and_removed_by_address()
    {
        await using RunningServer server = await RunningServer.StartAsync();
        Assert.Equal(0, await server.RunAsync("target", "portal", "add", "[2001:db8::5]:3260,2"));
        Assert.Equal(0, await server.RunAsync("target", "portal", "remove", "10.0.0.5"));
        Assert.Equal(
            [new PortalRequest("[2001:db8::5]:3260,2"), new PortalRequest("10.0.0.5")], server.Daemon.Asked);
        Assert.Equal(ExitCode.Usage, await server.RunAsync("target", "portal", "add", "nowhere"));
        Assert.Contains("'nowhere' is no ADDRESS:PORT", server.Error.ToString(), StringComparison.Ordinal);
    }
}
