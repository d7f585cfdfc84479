using System.Text.Json;
using Cstor.Daemon.Cli;
using Xunit;

namespace Cstor.Tests.Daemon.Service;

public sealed class PoolMaintenanceServiceTests
{
    [Fact]
    public async Task A_device_goes_offline_by_any_name_and_the_last_copy_does_not()
    {
        await using RunningDaemon daemon = new();
        Assert.Null(await daemon.StartAsync());
        await DoneAsync(daemon, "pool", "create", "tank", "mirror", daemon.Disk("a"), daemon.Disk("b"));
        await DoneAsync(daemon, "pool", "offline", "tank", "a");
        Assert.Equal("degraded", await HealthAsync(daemon));
        Assert.Equal(ExitCode.Failed, await daemon.RunAsync("pool", "offline", "tank", daemon.Scratch["b"]));
        Assert.Contains(daemon.Scratch["b"], daemon.Error.ToString(), StringComparison.Ordinal);
        await DoneAsync(daemon, "pool", "status", "tank");
        Assert.Contains(
            "cstor pool online tank " + daemon.Scratch["a"], daemon.Out.ToString(), StringComparison.Ordinal);
        File.CreateSymbolicLink(daemon.Scratch["by-id"], daemon.Scratch["a"]);
        await DoneAsync(daemon, "pool", "online", "tank", daemon.Scratch["by-id"]);
    }

    [Fact]
    public async Task A_vdev_that_survives_less_is_added_only_by_force_and_a_dry_run_adds_nothing()
    {
        await using RunningDaemon daemon = new();
        Assert.Null(await daemon.StartAsync());
        await DoneAsync(daemon, "pool", "create", "tank", "mirror", daemon.Disk("a"), daemon.Disk("b"));
        string[] add = ["pool", "add", "tank", daemon.Disk("c")];
        Assert.Equal(ExitCode.Failed, await daemon.RunAsync(add));
        Assert.Contains("cstor pool attach", daemon.Error.ToString(), StringComparison.Ordinal);
        await DoneAsync(daemon, [.. add, "-f", "-n"]);
        Assert.DoesNotContain(daemon.Scratch["c"], await StatusAsync(daemon), StringComparison.Ordinal);
        await DoneAsync(daemon, [.. add, "-f"]);
        Assert.Contains(daemon.Scratch["c"], await StatusAsync(daemon), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_device_that_was_added_is_found_at_the_next_start_wherever_it_is()
    {
        await using RunningDaemon daemon = new();
        Assert.Null(await daemon.StartAsync());
        Directory.CreateDirectory(daemon.Scratch["elsewhere"]);
        await DoneAsync(daemon, "pool", "create", "tank", daemon.Disk("a"));
        await DoneAsync(daemon, "pool", "add", "tank", daemon.Disk("elsewhere/b"));
        await daemon.StopAsync();
        Assert.Null(await daemon.StartAsync());
        Assert.Equal("online", await HealthAsync(daemon));
        Assert.Contains("elsewhere/b", await StatusAsync(daemon), StringComparison.Ordinal);
    }

    private static async Task DoneAsync(RunningDaemon daemon, params string[] words)
    {
        int exit = await daemon.RunAsync(words);
        Assert.True(exit == ExitCode.Done, $"{string.Join(' ', words)}: {exit} {daemon.Error}");
    }

    private static async Task<string> StatusAsync(RunningDaemon daemon)
    {
        await DoneAsync(daemon, "pool", "status", "tank", "--json");
        return daemon.Out.ToString();
    }

    private static async Task<string?> HealthAsync(RunningDaemon daemon) =>
        JsonDocument.Parse(await StatusAsync(daemon)).RootElement.GetProperty("health").GetString();
}
