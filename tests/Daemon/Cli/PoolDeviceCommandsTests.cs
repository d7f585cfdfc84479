using Cstor.Daemon.Api;
using Cstor.Daemon.Cli;
using Cstor.Engine.Host;
using Cstor.Tests.Daemon.Api;
using Xunit;

namespace Cstor.Tests.Daemon.Cli;

public sealed class PoolDeviceCommandsTests
{
    [Fact]
    public async Task Add_sends_the_layout_with_its_roles()
    {
        await using RunningServer server = await RunningServer.StartAsync();
        Assert.Equal(0, await server.RunAsync(
            "pool", "add", "-n", "-f", "tank", "mirror", "/d/a", "/d/b", "log", "/d/l", "spare", "/d/s"));
        var (pool, request) = Assert.IsType<(string, AddVdevsRequest)>(Assert.Single(server.Daemon.Asked));
        Assert.Equal(("tank", true, true), (pool, request.Force, request.DryRun));
        Assert.Equal(
            ["data mirror /d/a /d/b", "log disk /d/l", "spare disk /d/s"],
            request.Vdevs.Select(v => $"{v.Role} {v.Kind} {string.Join(' ', v.Devices)}"));
        Assert.Equal("done\nand noted\n", server.Out.ToString());
    }

    [Fact]
    public async Task What_one_may_not_expect_is_noted_on_stderr_and_the_command_goes_on()
    {
        await using RunningServer server = await RunningServer.StartAsync();
        Assert.Equal(0, await server.RunAsync("pool", "create", "tank", "raidz", "/d/a", "/d/b"));
        Assert.Equal(
            "note: raidz1 on 2 devices holds no more than a mirror; take 3 or more\n",
            server.Error.ToString());
        Assert.Equal("done\nand noted\n", server.Out.ToString());
    }

    [Fact]
    public async Task Devices_are_named_by_path_last_part_or_guid_and_new_ones_by_path()
    {
        await using RunningServer server = await RunningServer.StartAsync();
        string guid = FakeAdministration.Guid.ToString();
        Assert.Equal(0, await server.RunAsync("pool", "attach", "tank", "sdb", "null"));
        Assert.Equal(0, await server.RunAsync("pool", "attach", "-f", "tank", "/d/../d/b", "/d/c"));
        Assert.Equal(0, await server.RunAsync("pool", "detach", "tank", guid));
        Assert.Equal(0, await server.RunAsync("pool", "replace", "tank", "sdb"));
        Assert.Equal(0, await server.RunAsync("pool", "replace", "-f", "tank", "sdb", "/d/n"));
        Assert.Equal(0, await server.RunAsync("pool", "clear", "tank"));
        Assert.Equal(0, await server.RunAsync("pool", "clear", "tank", "sdb"));
        Assert.Equal(
            [
                ("tank", new AttachDeviceRequest("sdb", "/dev/null", false)),
                ("tank", new AttachDeviceRequest("/d/b", "/d/c", true)),
                ("detach", "tank", new DeviceRequest(guid)),
                ("tank", new ReplaceDeviceRequest("sdb", null, false)),
                ("tank", new ReplaceDeviceRequest("sdb", "/d/n", true)),
                ("tank", new ClearRequest(null)),
                ("tank", new ClearRequest("sdb")),
            ],
            server.Daemon.Asked);
    }

    [Fact]
    public async Task Offline_and_online_take_several_devices_and_one_refusal_is_the_exit_status()
    {
        await using RunningServer server = await RunningServer.StartAsync();
        Assert.Equal(0, await server.RunAsync("pool", "offline", "tank", "/d/a", "b"));
        Assert.Equal(0, await server.RunAsync("pool", "online", "tank", "b"));
        Assert.Equal(
            [
                ("offline", "tank", new DeviceRequest("/d/a")),
                ("offline", "tank", new DeviceRequest("b")),
                ("online", "tank", new DeviceRequest("b")),
            ],
            server.Daemon.Asked);
        server.Daemon.Fault = new Fault("last-copy", "a holds the last good copy", "Bring b back first");
        Assert.Equal(ExitCode.Failed, await server.RunAsync("pool", "offline", "tank", "a", "b"));
        Assert.Equal(5, server.Daemon.Asked.Count);
        Assert.StartsWith(
            "cstor: a holds the last good copy. Bring b back first\n",
            server.Error.ToString(),
            StringComparison.Ordinal);
    }
}
