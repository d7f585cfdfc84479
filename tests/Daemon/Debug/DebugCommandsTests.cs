using Cstor.Daemon.Cli;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Labels;
using Cstor.Tests.Daemon.Service;
using Xunit;

namespace Cstor.Tests.Daemon.Debug;

public sealed class DebugCommandsTests
{
    [Fact]
    public async Task A_pool_is_printed_while_a_daemon_has_it_open()
    {
        await using RunningDaemon daemon = await StartAsync();
        string first = daemon.Scratch["a"];
        Assert.Equal(ExitCode.Done, await daemon.RunAsync("debug", "label", first));
        Assert.Equal(4, Count(daemon, "label: whole"));
        Assert.Contains("pool=tank", daemon.Out.ToString(), StringComparison.Ordinal);
        Assert.Equal(ExitCode.Done, await daemon.RunAsync("debug", "uberblock", first));
        Assert.Equal(1, Count(daemon, "uberblock: valid"));
        Assert.Equal(ExitCode.Done, await daemon.RunAsync("debug", "log", first, daemon.Scratch["b"]));
        Assert.Contains("dataset-put slot 0 \"v\"", daemon.Out.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_tree_leads_to_the_volumes()
    {
        await using RunningDaemon daemon = await StartAsync();
        await daemon.StopAsync();
        string[] devices = [daemon.Scratch["a"], daemon.Scratch["b"]];
        Assert.Equal(ExitCode.Done, await daemon.RunAsync(["debug", "tree", .. devices]));
        Assert.Contains("tree of v:", daemon.Out.ToString(), StringComparison.Ordinal);
        Assert.Contains("node at level 1", daemon.Out.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("raidz")]
    [InlineData("raidz2")]
    [InlineData("mirror")]
    public async Task The_log_and_the_tree_are_read_without_a_device_and_with_a_wrong_one(string kind)
    {
        await using RunningDaemon daemon = new();
        Assert.Null(await daemon.StartAsync());
        string[] disks = [.. "abcd".Select(name => daemon.Disk(name.ToString()))];
        Assert.Equal(ExitCode.Done, await daemon.RunAsync(["pool", "create", "tank", kind, .. disks]));
        for (int i = 0; i < 20; i++)
            Assert.Equal(ExitCode.Done, await daemon.RunAsync("volume", "create", $"tank/v{i}", "64M"));
        for (int away = 0; away < disks.Length; away++)
        {
            string[] rest = [.. disks.Where((_, disk) => disk != away)];
            Assert.Equal(ExitCode.Done, await daemon.RunAsync(["debug", "log", .. rest]));
            Assert.Equal(20, Count(daemon, "dataset-put slot"));
        }

        await daemon.StopAsync();
        Spoil(disks[1]);
        Assert.Equal(ExitCode.Done, await daemon.RunAsync(["debug", "tree", .. disks]));
        Assert.Equal(20, Count(daemon, "tree of v"));
        Assert.Equal(0, Count(daemon, "UNREADABLE"));
    }

    [Fact]
    public async Task A_label_that_was_overwritten_is_said_to_be_damaged_and_the_rest_is_read()
    {
        await using RunningDaemon daemon = await StartAsync();
        await daemon.StopAsync();
        string device = daemon.Scratch["a"];
        using (FileStream file = File.OpenWrite(device))
        {
            file.Position = LabelBlock.OffsetOf(file.Length, 1) + Layout.LabelConfigOffset + 100;
            file.WriteByte(255);
        }
        Assert.Equal(ExitCode.Done, await daemon.RunAsync("debug", "label", device));
        Assert.Equal(3, Count(daemon, "label: whole"));
        Assert.Equal(1, Count(daemon, "label: damaged (checksum mismatch)"));
        Assert.Equal(ExitCode.Done, await daemon.RunAsync("debug", "tree", device, daemon.Scratch["b"]));
    }

    [Fact]
    public async Task What_is_no_device_of_a_pool_is_named()
    {
        await using RunningDaemon daemon = new();
        Assert.Equal(ExitCode.Failed, await daemon.RunAsync("debug", "label", "/nowhere/disk"));
        Assert.Contains("/nowhere/disk", daemon.Error.ToString(), StringComparison.Ordinal);
        Assert.Equal(ExitCode.Failed, await daemon.RunAsync("debug", "tree", daemon.Disk("blank")));
        Assert.Contains("no whole label", daemon.Error.ToString(), StringComparison.Ordinal);
        Assert.Equal(ExitCode.Failed, await daemon.RunAsync("debug", "log", daemon.Disk("tiny", 4096)));
        Assert.Contains("too small", daemon.Error.ToString(), StringComparison.Ordinal);
    }

    private static async Task<RunningDaemon> StartAsync()
    {
        RunningDaemon daemon = new();
        Assert.Null(await daemon.StartAsync());
        string[] disks = [daemon.Disk("a"), daemon.Disk("b")];
        Assert.Equal(ExitCode.Done, await daemon.RunAsync(["pool", "create", "tank", .. disks]));
        Assert.Equal(ExitCode.Done, await daemon.RunAsync("volume", "create", "tank/v", "64M"));
        return daemon;
    }

    // All of the device between its labels.
    private static void Spoil(string path)
    {
        using FileStream file = File.OpenWrite(path);
        byte[] garbage = [.. Enumerable.Repeat((byte)0xA7, Layout.SectorBytes)];
        long end = LabelBlock.OffsetOf(file.Length, 2) - garbage.Length;
        for (long at = Layout.DataStartBytes; at <= end; at += garbage.Length)
        {
            file.Position = at;
            file.Write(garbage);
        }
    }

    private static int Count(RunningDaemon daemon, string text) =>
        daemon.Out.ToString().Split(text).Length - 1;
}
