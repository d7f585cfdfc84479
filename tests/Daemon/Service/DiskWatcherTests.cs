using System.Diagnostics;
using Xunit;

namespace Cstor.Tests.Daemon.Service;

/// <summary>Files for disks: their names come and go as those in <c>/dev</c> do.</summary>
public sealed class DiskWatcherTests
{
    private const int PatienceSeconds = 20;

    [Fact]
    public async Task A_disk_that_a_pool_misses_is_brought_back_when_it_appears()
    {
        await using RunningDaemon daemon = new();
        await StartAsync(daemon);
        await DoneAsync(daemon, "pool", "create", "tank", "mirror", daemon.Disk("a"), daemon.Disk("b"));
        await daemon.StopAsync();
        File.Move(daemon.Scratch["b"], daemon.Scratch["hidden/b"]);
        await StartAsync(daemon);
        await UntilAsync(daemon, "\"degraded\"", "pool", "status", "tank", "--json");

        File.Move(daemon.Scratch["hidden/b"], daemon.Scratch["c"]);
        await UntilAsync(daemon, "\"health\": \"online\"", "pool", "status", "tank", "--json");
        await UntilAsync(daemon, $"{daemon.Scratch["c"]} is back", "pool", "events", "tank");
    }

    [Fact]
    public async Task A_pool_without_its_disks_is_opened_when_they_appear()
    {
        await using RunningDaemon daemon = new();
        await StartAsync(daemon);
        await DoneAsync(daemon, "pool", "create", "tank", daemon.Disk("a"));
        await DoneAsync(daemon, "volume", "create", "tank/db", "16M");
        await daemon.StopAsync();
        File.Move(daemon.Scratch["a"], daemon.Scratch["hidden/a"]);
        await StartAsync(daemon);
        await UntilAsync(daemon, "unavailable", "pool", "list");

        File.Move(daemon.Scratch["hidden/a"], daemon.Scratch["a"]);
        await UntilAsync(daemon, "\"health\": \"online\"", "pool", "status", "tank", "--json");
        await UntilAsync(daemon, "tank.db", "target", "list");
    }

    [Fact]
    public async Task A_name_that_vanishes_is_an_event_of_its_pool()
    {
        await using RunningDaemon daemon = new();
        await StartAsync(daemon);
        await DoneAsync(daemon, "pool", "create", "tank", daemon.Disk("a"));
        File.Move(daemon.Scratch["a"], daemon.Scratch["hidden/a"]);
        await UntilAsync(daemon, $"{daemon.Scratch["a"]} has vanished", "pool", "events", "tank");
    }

    private static async Task StartAsync(RunningDaemon daemon)
    {
        Directory.CreateDirectory(daemon.Scratch["hidden"]);
        Assert.Null(await daemon.StartAsync());
    }

    private static async Task DoneAsync(RunningDaemon daemon, params string[] words) =>
        Assert.True(await daemon.RunAsync(words) == 0, daemon.Error.ToString());

    private static async Task UntilAsync(RunningDaemon daemon, string wanted, params string[] words)
    {
        Stopwatch waited = Stopwatch.StartNew();
        while (true)
        {
            await DoneAsync(daemon, words);
            if (daemon.Out.ToString().Contains(wanted, StringComparison.Ordinal)) return;
            Assert.True(waited.Elapsed.TotalSeconds < PatienceSeconds, daemon.Out.ToString());
            await Task.Delay(50);
        }
    }
}
