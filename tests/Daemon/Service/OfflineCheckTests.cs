using Cstor.Daemon.Cli;
using Cstor.PoolLayout;
using Xunit;

namespace Cstor.Tests.Daemon.Service;

public sealed class OfflineCheckTests
{
    [Fact]
    public async Task A_pool_that_a_daemon_left_is_verified_without_one()
    {
        await using RunningDaemon daemon = await StartAsync();
        await daemon.StopAsync();
        string folder = daemon.Scratch.Path;
        Assert.Equal(ExitCode.Done, await daemon.RunAsync("pool", "check", "-d", folder, "tank"));
        Assert.Contains("in use: no problem found", daemon.Out.ToString(), StringComparison.Ordinal);
        Assert.Contains("was not exported", daemon.Out.ToString(), StringComparison.Ordinal);
        Assert.Equal(
            ExitCode.Done,
            await daemon.RunAsync("pool", "check", "-d", daemon.Scratch["a"], "-d", daemon.Scratch["b"]));
    }

    [Fact]
    public async Task The_check_writes_nothing_and_finds_what_was_scribbled_on_one_side()
    {
        await using RunningDaemon daemon = await StartAsync();
        Assert.Equal(ExitCode.Done, await daemon.RunAsync("pool", "export", "tank"));
        await daemon.StopAsync();
        using (FileStream file = File.OpenWrite(daemon.Scratch["a"]))
        {
            byte[] noise = new byte[64 << 20];
            Array.Fill(noise, (byte)0xA5);
            file.Position = Layout.DataStartBytes;
            file.Write(noise);
        }
        byte[] before = await File.ReadAllBytesAsync(daemon.Scratch["b"]);
        Assert.Equal(ExitCode.Failed, await daemon.RunAsync("pool", "check", "-d", daemon.Scratch.Path));
        Assert.Matches(@"in use: \d+ problems?\n  \S", daemon.Out.ToString());
        Assert.DoesNotContain("was not exported", daemon.Out.ToString(), StringComparison.Ordinal);
        Assert.Equal(before, await File.ReadAllBytesAsync(daemon.Scratch["b"]));
    }

    [Fact]
    public async Task A_pool_that_a_daemon_has_open_or_that_is_not_there_is_refused()
    {
        await using RunningDaemon daemon = await StartAsync();
        Assert.Equal(
            ExitCode.Failed, await daemon.RunAsync("pool", "check", "-d", daemon.Scratch.Path, "tank"));
        Assert.Contains("is locked by another program", daemon.Error.ToString(), StringComparison.Ordinal);
        Assert.Contains("cstor pool check tank", daemon.Error.ToString(), StringComparison.Ordinal);
        Assert.Equal(
            ExitCode.Failed, await daemon.RunAsync("pool", "check", "-d", daemon.Scratch.Path, "lake"));
        Assert.Contains("no pool 'lake' was found", daemon.Error.ToString(), StringComparison.Ordinal);
    }

    private static async Task<RunningDaemon> StartAsync()
    {
        RunningDaemon daemon = new();
        Assert.Null(await daemon.StartAsync());
        string[] words = ["pool", "create", "tank", "mirror", daemon.Disk("a"), daemon.Disk("b")];
        Assert.Equal(ExitCode.Done, await daemon.RunAsync(words));
        Assert.Equal(ExitCode.Done, await daemon.RunAsync("volume", "create", "tank/v", "64M"));
        return daemon;
    }
}
