using System.Diagnostics;
using Xunit;
using Xunit.Abstractions;

namespace Cstor.Tests.EndToEnd;

/// <summary>A real device that does not answer: the pool on it fails, and nothing else does.</summary>
[Collection(EndToEndCollection.Name)]
[Trait("Category", EndToEndCollection.Category)]
public sealed class HangingDeviceTests(ITestOutputHelper output)
{
    private const int LongSeconds = 30;

    [RequiresFact(Machine.Loop, "mkfs.ext4", "mount", "fsfreeze")]
    public void A_device_that_hangs_keeps_nobody_waiting_and_its_pool_can_be_given_up()
    {
        using DaemonFixture daemon = new(output, start: false);
        daemon.DaemonArguments = ["--device-timeout", "2"];
        daemon.Start();
        using FrozenDisk disk = new(daemon);
        daemon.CliOk("pool", "create", "tank", disk.DevicePath);
        daemon.CliOk("volume", "create", "tank/v", "64M");
        daemon.CliOk("pool", "create", "other", daemon.Disk("other.img"));
        disk.Freeze();
        Within(() => Assert.NotEqual(0, daemon.Cli("volume", "create", "tank/w", "64M").ExitCode));
        Within(() => Assert.Contains("tank", daemon.CliOk("pool", "list"), StringComparison.Ordinal));
        string status = daemon.CliOk("pool", "status", "tank", "--json");
        Assert.Contains("does not answer", status, StringComparison.Ordinal);
        Within(() => daemon.CliOk("volume", "create", "other/v", "64M"));
        Within(() => daemon.CliOk("pool", "export", "-f", "tank"));
        Within(() => daemon.CliOk("volume", "destroy", "other/v"));
        ToolResult import = daemon.Cli("pool", "import", "tank");
        Assert.NotEqual(0, import.ExitCode);
        Assert.Contains("hangs and is let go", daemon.Log(), StringComparison.Ordinal);

        disk.Thaw();
        Within(() =>
        {
            for (int i = 0; i < 150 && daemon.Cli("pool", "import", "tank").ExitCode != 0; i++)
                Thread.Sleep(200);
            daemon.CliOk("pool", "status", "tank");
        });
        Assert.Contains("tank/v", daemon.CliOk("volume", "list"), StringComparison.Ordinal);
        daemon.CliOk("pool", "export", "tank");
        Assert.Equal(0, daemon.Stop());
    }

    private static void Within(Action action)
    {
        Stopwatch watch = Stopwatch.StartNew();
        action();
        Assert.True(watch.Elapsed.TotalSeconds < LongSeconds, $"took {watch.Elapsed.TotalSeconds:0.0} s");
    }
}
