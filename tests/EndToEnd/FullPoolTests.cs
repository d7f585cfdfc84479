using Xunit;
using Xunit.Abstractions;

namespace Cstor.Tests.EndToEnd;

/// <summary>
/// A full pool refuses writes, and nothing else: it can be looked at, cleaned up and used again.
/// </summary>
[Collection(EndToEndCollection.Name)]
[Trait("Category", EndToEndCollection.Category)]
public sealed class FullPoolTests(ITestOutputHelper output)
{
    [RequiresFact("qemu-io")]
    public void A_full_pool_can_be_emptied_and_used_again()
    {
        using DaemonFixture daemon = new(output);
        daemon.CliOk("pool", "create", "tank", daemon.Disk("disk", 256 << 20));
        daemon.CliOk("volume", "create", "-o", "compression=off", "tank/keep", "32M");
        daemon.CliOk("volume", "create", "-o", "compression=off", "tank/big", "1G");
        Assert.Equal(0, QemuIo(daemon, "tank/keep", "write -P 7 0 32M", "flush").ExitCode);

        ToolResult filled = QemuIo(daemon, "tank/big", "write -P 1 0 200M", "write -P 2 200M 200M", "flush");
        Assert.Contains("No space left", filled.All);
        Assert.Equal("online", daemon.Json("pool", "status", "tank").GetProperty("health").GetString());
        Assert.Equal(0, QemuIo(daemon, "tank/keep", "read -P 7 0 32M").ExitCode);

        daemon.Kill();
        daemon.Start();
        Assert.Equal(0, QemuIo(daemon, "tank/keep", "read -P 7 0 32M").ExitCode);
        daemon.CliOk("volume", "destroy", "tank/big");
        daemon.CliOk("volume", "create", "-o", "compression=off", "tank/next", "128M");
        WaitForSpace(daemon, 140L << 20);
        ToolResult next = QemuIo(daemon, "tank/next", "write -P 3 0 100M", "flush", "read -P 3 0 100M");
        Assert.True(next.ExitCode == 0, $"{next}{daemon.CliOk("pool", "status")}");
    }

    [RequiresFact("qemu-io")]
    public void What_was_discarded_can_be_written_again()
    {
        using DaemonFixture daemon = new(output);
        daemon.CliOk("pool", "create", "tank", daemon.Disk("disk", 256 << 20));
        daemon.CliOk("volume", "create", "-o", "compression=off", "tank/v", "1G");
        for (int round = 0; round < 4; round++)
        {
            string[] steps = ["write -P 5 0 100M", "flush", "discard 0 100M", "flush"];
            ToolResult result = QemuIo(daemon, "tank/v", steps);
            Assert.True(result.ExitCode == 0, $"round {round}: {result}{daemon.CliOk("pool", "status")}");
        }
    }

    [RequiresFact("qemu-io")]
    public void A_thick_volume_is_overwritten_while_another_fills_the_pool()
    {
        using DaemonFixture daemon = new(output);
        daemon.CliOk("pool", "create", "tank", daemon.Disk("disk", 256 << 20));
        daemon.CliOk("volume", "create", "--thick", "-o", "compression=off", "tank/thick", "64M");
        daemon.CliOk("volume", "create", "-o", "compression=off", "-o", "warn-at=50%", "tank/big", "1G");
        daemon.CliFails(1, ["volume", "create", "--thick", "tank/other", "1G"], "reservation");
        ToolResult filled = QemuIo(daemon, "tank/big", "write -P 1 0 300M", "flush");
        Assert.Contains("No space left", filled.All);
        for (int round = 2; round < 5; round++)
        {
            string[] steps = [$"write -P {round} 0 64M", "flush", $"read -P {round} 0 64M"];
            ToolResult result = QemuIo(daemon, "tank/thick", steps);
            Assert.True(result.ExitCode == 0, $"round {round}: {result}{daemon.CliOk("pool", "status")}");
        }

        Assert.Contains("warn-at", daemon.CliOk("pool", "status", "tank"));
        daemon.CliFails(1, ["volume", "resize", "tank/thick", "512M"], "reservation");
    }

    /// <summary>Freed space returns with the next checkpoints.</summary>
    private static void WaitForSpace(DaemonFixture daemon, long bytes)
    {
        for (int i = 0; i < 100; i++)
        {
            if (daemon.Json("pool", "status", "tank").GetProperty("freeBytes").GetInt64() >= bytes) return;
            Thread.Sleep(100);
        }

        Assert.Fail($"{bytes} bytes did not become free: {daemon.CliOk("pool", "status")}");
    }

    private static ToolResult QemuIo(DaemonFixture daemon, string volume, params string[] commands)
    {
        IEnumerable<string> steps = commands.SelectMany(command => new[] { "-c", command });
        return Tool.Run("qemu-io", ["-f", "raw", daemon.Url(volume), .. steps]);
    }
}
