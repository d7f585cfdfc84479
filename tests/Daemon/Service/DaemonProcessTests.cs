using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Cstor.Daemon.Cli;
using Cstor.Daemon.Vocabulary;
using Cstor.Engine.Host;
using Xunit;

namespace Cstor.Tests.Daemon.Service;

public sealed class DaemonProcessTests
{
    [Fact]
    public async Task What_was_open_is_open_again_after_a_stop_and_a_start()
    {
        await using RunningDaemon daemon = await StartWithPoolAsync();
        Assert.StartsWith("ready: iscsi on 127.0.0.1:", daemon.ReadyLine, StringComparison.Ordinal);
        await DoneAsync(daemon, "volume", "create", "-b", "8K", "-o", "compression=lz4", "tank/db", "1G");
        Assert.Null(await daemon.StopAsync());
        Assert.Equal(ExitCode.Failed, await daemon.RunAsync("pool", "list"));

        Assert.Null(await daemon.StartAsync());
        await DoneAsync(daemon, "volume", "get", "tank/db", "size,block-size,compression,target");
        string shown = daemon.Out.ToString();
        foreach (string value in (string[])["1G", "8K", "lz4", "iqn.2026-11.io.cstor:tank.db"])
        {
            Assert.Contains(value, shown, StringComparison.Ordinal);
        }
        await DoneAsync(daemon, "target", "list");
        Assert.Contains("io.cstor:tank.db", daemon.Out.ToString(), StringComparison.Ordinal);
        Assert.Contains("io.cstor:null", daemon.Out.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_pool_whose_devices_are_gone_is_listed_as_unavailable_and_can_be_given_up()
    {
        await using RunningDaemon daemon = await StartWithPoolAsync();
        string other = daemon.Disk("other");
        await DoneAsync(daemon, "pool", "create", "second", other);
        await daemon.StopAsync();
        File.Delete(daemon.Scratch["a"]);
        Assert.Null(await daemon.StartAsync());

        JsonElement[] pools = await JsonAsync(daemon, "pool", "list");
        Assert.Equal(["second online", "tank unavailable"], pools.Select(
            pool => $"{pool.GetProperty("name").GetString()} {pool.GetProperty("health").GetString()}"));
        Assert.Contains(
            daemon.Scratch["a"], pools[1].GetProperty("reason").GetString(), StringComparison.Ordinal);
        Assert.Equal(ExitCode.Failed, await daemon.RunAsync("pool", "create", "tank", daemon.Disk("new")));
        Assert.Equal(ExitCode.Failed, await daemon.RunAsync("pool", "destroy", "-f", "tank"));
        await DoneAsync(daemon, "pool", "export", "tank");
        await DoneAsync(daemon, "pool", "create", "tank", daemon.Scratch["new"]);
    }

    [Fact]
    public async Task A_device_that_moved_is_found_beside_where_it_was()
    {
        await using RunningDaemon daemon = await StartWithPoolAsync();
        await daemon.StopAsync();
        File.Move(daemon.Scratch["a"], daemon.Scratch["moved"]);
        Assert.Null(await daemon.StartAsync());
        JsonElement pool = Assert.Single(await JsonAsync(daemon, "pool", "list"));
        Assert.Equal("online", pool.GetProperty("health").GetString());
    }

    [Fact]
    public async Task An_exported_pool_stays_closed_until_it_is_imported()
    {
        await using RunningDaemon daemon = await StartWithPoolAsync();
        await DoneAsync(daemon, "pool", "export", "-n", "tank");
        Assert.Single(await JsonAsync(daemon, "pool", "list"));
        await DoneAsync(daemon, "pool", "export", "tank");
        await daemon.StopAsync();
        Assert.Null(await daemon.StartAsync());
        Assert.Empty(await JsonAsync(daemon, "pool", "list"));
        await DoneAsync(daemon, "pool", "import", "-d", daemon.Scratch.Path, "tank");
        Assert.Single(await JsonAsync(daemon, "pool", "list"));
    }

    [Fact]
    public async Task A_destroyed_pool_is_gone_and_only_force_takes_one_with_volumes()
    {
        await using RunningDaemon daemon = await StartWithPoolAsync();
        await DoneAsync(daemon, "volume", "create", "tank/v", "64M");
        Assert.Equal(ExitCode.Failed, await daemon.RunAsync("pool", "destroy", "tank"));
        Assert.Contains("1 volume", daemon.Error.ToString(), StringComparison.Ordinal);
        await DoneAsync(daemon, "target", "list");
        Assert.Contains("tank.v", daemon.Out.ToString(), StringComparison.Ordinal);
        await DoneAsync(daemon, "pool", "destroy", "-f", "tank");
        Assert.Empty(await JsonAsync(daemon, "pool", "list"));
        await DoneAsync(daemon, "target", "list");
        Assert.DoesNotContain("tank.v", daemon.Out.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_volume_whose_secret_is_gone_is_not_served_and_says_why()
    {
        await using RunningDaemon daemon = await StartWithPoolAsync();
        await File.WriteAllTextAsync(daemon.Scratch["secret"], "a-long-enough-one");
        await DoneAsync(daemon, "volume", "create", "tank/v", "64M");
        Assert.Equal(
            ExitCode.Failed,
            await daemon.RunAsync("volume", "set", "tank/v", "chap-user=a", "chap-secret-file=/nowhere"));
        await DoneAsync(
            daemon, "volume", "set", "tank/v", "chap-user=a", "chap-secret-file=" + daemon.Scratch["secret"]);
        await daemon.StopAsync();
        File.Delete(daemon.Scratch["secret"]);
        Assert.Null(await daemon.StartAsync());
        await DoneAsync(daemon, "target", "list");
        Assert.DoesNotContain("tank.v", daemon.Out.ToString(), StringComparison.Ordinal);
        await DoneAsync(daemon, "volume", "get", "tank/v", "problem");
        Assert.Contains("CHAP secret", daemon.Out.ToString(), StringComparison.Ordinal);
        await DoneAsync(daemon, "volume", "set", "tank/v", "chap-user=", "chap-secret-file=");
        await DoneAsync(daemon, "target", "list");
        Assert.Contains("tank.v", daemon.Out.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_refused_property_leaves_the_volume_as_it_was()
    {
        await using RunningDaemon daemon = await StartWithPoolAsync();
        await DoneAsync(daemon, "volume", "create", "tank/v", "64M");
        Assert.Equal(ExitCode.Failed, await daemon.RunAsync("volume", "set", "tank/v", "color=red"));
        Assert.Contains("color", daemon.Error.ToString(), StringComparison.Ordinal);
        Assert.Equal(ExitCode.Failed, await daemon.RunAsync("volume", "set", "tank/v", "initiators=nobody"));
        Assert.Equal(ExitCode.Failed, await daemon.RunAsync("volume", "resize", "tank/v", "32M"));
        await DoneAsync(daemon, "volume", "resize", "tank/v", "128M");
        await DoneAsync(daemon, "volume", "get", "tank/v", "size,initiators");
        Assert.Contains("128M", daemon.Out.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("nobody", daemon.Out.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_portal_that_is_taken_is_named_and_nothing_stays_behind()
    {
        await using RunningDaemon daemon = new();
        using Socket taken = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        taken.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        taken.Listen();
        IPEndPoint portal = (IPEndPoint)taken.LocalEndPoint!;
        Fault? fault = await daemon.StartAsync(daemon.Options with { Iscsi = [new PortalText(portal, 1)] });
        Assert.Contains(portal.ToString(), fault?.Message, StringComparison.Ordinal);
        Assert.False(Path.Exists(daemon.Scratch["sock"]));
        Assert.Null(await daemon.StartAsync());
    }

    [Fact]
    public async Task A_damaged_list_of_pools_does_not_keep_the_daemon_from_starting()
    {
        await using RunningDaemon daemon = await StartWithPoolAsync();
        await daemon.StopAsync();
        await File.WriteAllTextAsync(daemon.Scratch["state/pools.json"], "{");
        Assert.Null(await daemon.StartAsync());
        await DoneAsync(daemon, "pool", "import", "-d", daemon.Scratch.Path, "tank");
    }

    private static async Task<RunningDaemon> StartWithPoolAsync()
    {
        RunningDaemon daemon = new();
        Assert.Null(await daemon.StartAsync());
        await DoneAsync(daemon, "pool", "create", "tank", daemon.Disk("a"));
        return daemon;
    }

    private static async Task DoneAsync(RunningDaemon daemon, params string[] words)
    {
        int exit = await daemon.RunAsync(words);
        Assert.True(exit == ExitCode.Done, $"{string.Join(' ', words)}: {exit} {daemon.Error}");
    }

    private static async Task<JsonElement[]> JsonAsync(RunningDaemon daemon, params string[] words)
    {
        await DoneAsync(daemon, [.. words, "--json"]);
        return [.. JsonDocument.Parse(daemon.Out.ToString()).RootElement.EnumerateArray()];
    }
}
