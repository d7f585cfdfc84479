using System.Text.Json;
using Cstor.Daemon.Cli;
using Xunit;

namespace Cstor.Tests.Daemon.Service;

/// <summary>What the daemon adds to the engine's snapshots: targets, access, and all or none.</summary>
public sealed class SnapshotServiceTests
{
    [Fact]
    public async Task A_clone_is_served_at_once_to_whom_its_origin_is()
    {
        await using RunningDaemon daemon = await StartAsync();
        await File.WriteAllTextAsync(daemon.Scratch["secret"], "a-long-enough-one");
        string secret = "chap-secret-file=" + daemon.Scratch["secret"];
        await DoneAsync(
            daemon, "volume", "set", "tank/v", "chap-user=a", secret, "initiators=iqn.2026-11.x:y");
        await DoneAsync(daemon, "snapshot", "tank/v@one");
        await DoneAsync(daemon, "clone", "tank/v@one", "tank/locked");
        await DoneAsync(
            daemon, "clone", "-o", "chap-user=", "-o", "chap-secret-file=", "tank/v@one", "tank/open");
        string[] targets = ["null none", "tank.locked chap", "tank.open none", "tank.v chap"];
        Assert.Equal(targets, await TargetsAsync(daemon));
        await DoneAsync(daemon, "volume", "get", "tank/locked", "initiators");
        Assert.Contains("iqn.2026-11.x:y", daemon.Out.ToString(), StringComparison.Ordinal);

        await daemon.StopAsync();
        Assert.Null(await daemon.StartAsync());
        Assert.Equal(targets, await TargetsAsync(daemon));
    }

    [Fact]
    public async Task The_rules_of_a_clone_are_those_of_today_and_not_of_the_snapshot()
    {
        await using RunningDaemon daemon = await StartAsync();
        await DoneAsync(daemon, "snapshot", "tank/v@one");
        await DoneAsync(daemon, "volume", "set", "tank/v", "initiators=iqn.2026-11.x:y");
        await DoneAsync(daemon, "clone", "tank/v@one", "tank/c");
        await DoneAsync(daemon, "volume", "get", "tank/c", "initiators");
        Assert.Contains("iqn.2026-11.x:y", daemon.Out.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_renamed_volume_has_a_target_of_the_new_name_only()
    {
        await using RunningDaemon daemon = await StartAsync();
        await DoneAsync(daemon, "volume", "rename", "-n", "tank/v", "tank/w");
        Assert.Equal(["null none", "tank.v none"], await TargetsAsync(daemon));
        await DoneAsync(daemon, "volume", "rename", "tank/v", "tank/w");
        Assert.Equal(["null none", "tank.w none"], await TargetsAsync(daemon));
        await DoneAsync(daemon, "volume", "create", "tank/v", "64M");
        Assert.Equal(["null none", "tank.v none", "tank.w none"], await TargetsAsync(daemon));
    }

    [Fact]
    public async Task A_volume_that_was_rolled_back_is_served_again_with_the_settings_of_today()
    {
        await using RunningDaemon daemon = await StartAsync();
        await DoneAsync(daemon, "snapshot", "tank/v@one");
        await DoneAsync(daemon, "volume", "resize", "tank/v", "128M");
        await DoneAsync(daemon, "volume", "set", "tank/v", "sync=always", "initiators=iqn.2026-11.x:y");
        await DoneAsync(daemon, "volume", "rollback", "tank/v@one");
        Assert.Equal(["null none", "tank.v none"], await TargetsAsync(daemon));
        await DoneAsync(daemon, "volume", "get", "tank/v", "size,sync,initiators");
        foreach (string value in (string[])["64M", "always", "iqn.2026-11.x:y"])
        {
            Assert.Contains(value, daemon.Out.ToString(), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_destruction_that_is_refused_leaves_the_target_and_all_snapshots()
    {
        await using RunningDaemon daemon = await StartAsync();
        foreach (string name in (string[])["tank/v@a", "tank/v@b", "tank/v@c"])
        {
            await DoneAsync(daemon, "snapshot", name);
        }
        await DoneAsync(daemon, "snapshot", "hold", "backup", "tank/v@b");
        foreach (string words in (string[])["snapshot destroy tank/v@%", "snapshot destroy -n tank/v@a,b",
            "volume destroy -f -r tank/v", "volume destroy -n -r tank/v", "volume rollback -f -r tank/v@a"])
        {
            Assert.Equal(ExitCode.Failed, await daemon.RunAsync(words.Split(' ')));
            Assert.Contains("tank/v@b is held", daemon.Error.ToString(), StringComparison.Ordinal);
        }
        Assert.Equal(ExitCode.Failed, await daemon.RunAsync("volume", "destroy", "-f", "tank/v"));
        Assert.Contains("3 snapshots", daemon.Error.ToString(), StringComparison.Ordinal);
        Assert.Equal(["null none", "tank.v none"], await TargetsAsync(daemon));
        Assert.Equal(3, (await JsonAsync(daemon, "snapshot", "list")).Length);
    }

    [Fact]
    public async Task One_property_that_is_refused_keeps_all_of_them_from_being_set()
    {
        await using RunningDaemon daemon = await StartAsync();
        Assert.Equal(
            ExitCode.Failed,
            await daemon.RunAsync("volume", "set", "tank/v", "sync=always", "compression=rar"));
        await DoneAsync(daemon, "volume", "get", "tank/v", "sync");
        Assert.Contains("standard", daemon.Out.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Lists_are_by_pool_volume_and_age()
    {
        await using RunningDaemon daemon = await StartAsync();
        await DoneAsync(daemon, "pool", "create", "lake", daemon.Disk("b"));
        await DoneAsync(daemon, "volume", "create", "lake/x", "64M");
        await DoneAsync(daemon, "volume", "create", "tank/a", "64M");
        foreach (string name in (string[])["tank/v@2", "tank/v@1", "lake/x@1", "tank/a@1"])
        {
            await DoneAsync(daemon, "snapshot", name);
        }
        Assert.Equal(["lake/x@1", "tank/a@1", "tank/v@2", "tank/v@1"], await NamesAsync(daemon));
        Assert.Equal(["lake/x@1"], await NamesAsync(daemon, "lake"));
        Assert.Equal(["tank/v@2", "tank/v@1"], await NamesAsync(daemon, "tank/v"));
    }

    private static async Task<string[]> NamesAsync(RunningDaemon daemon, params string[] of) =>
    [
        .. (await JsonAsync(daemon, ["snapshot", "list", .. of]))
            .Select(snapshot => snapshot.GetProperty("name").GetString()!),
    ];

    private static async Task<string[]> TargetsAsync(RunningDaemon daemon) =>
    [
        .. (await JsonAsync(daemon, "target", "list")).Select(target =>
            target.GetProperty("name").GetString()!.Split(':')[1] + " "
                + target.GetProperty("authentication").GetString()),
    ];

    private static async Task<RunningDaemon> StartAsync()
    {
        RunningDaemon daemon = new();
        Assert.Null(await daemon.StartAsync());
        await DoneAsync(daemon, "pool", "create", "tank", daemon.Disk("a"));
        await DoneAsync(daemon, "volume", "create", "tank/v", "64M");
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
