using System.Diagnostics;
using Xunit;
using Xunit.Abstractions;

namespace Cstor.Tests.EndToEnd;

/// <summary>SIGHUP: a real daemon reads its configuration again under a session.</summary>
[Collection(EndToEndCollection.Name)]
[Trait("Category", EndToEndCollection.Category)]
public sealed class ReloadTests(ITestOutputHelper output)
{
    private const int PatienceSeconds = 20;

    [RequiresFact]
    public async Task A_session_goes_on_while_what_can_change_changes_and_the_rest_is_named()
    {
        using DaemonFixture daemon = new(output, start: false);
        string file = Path.Combine(daemon.Folder, "cstor.conf");
        await File.WriteAllTextAsync(file, "log-level = info\n");
        daemon.DaemonArguments = ["--config", file];
        daemon.Start();
        daemon.MakeVolume();
        using WireClient client =
            await WireClient.LogInAsync(daemon.Port, DaemonFixture.TargetName("tank/v"), 1);
        byte[] written = new byte[4096];
        new Random(1).NextBytes(written);
        await client.WriteAsync(0, written);

        await File.WriteAllTextAsync(file, "log-level = debug\ncache = 64M\ndevice-timeout = 7\n");
        HangUp(daemon, "changed: device-timeout, log-level", "restart needed for cache");
        Assert.True((await client.ReadAsync(0, written.Length)).Span.SequenceEqual(written));

        await File.WriteAllTextAsync(file, "log-level = info\n\ncache = lots\n");
        HangUp(daemon, "nothing changed", $"{file}:3: 'lots'", "Write a size such as 256M");
        Assert.True((await client.ReadAsync(0, written.Length)).Span.SequenceEqual(written));
        Assert.Contains("nothing changed", daemon.CliOk("pool", "events"), StringComparison.Ordinal);
        Assert.True(daemon.IsRunning);
    }

    [RequiresFact]
    public async Task Portals_come_and_go_and_one_that_cannot_be_had_changes_nothing()
    {
        using DaemonFixture daemon = new(output, start: false);
        string file = Path.Combine(daemon.Folder, "cstor.conf");
        int other = DaemonFixture.FreePort();
        await File.WriteAllTextAsync(file, $"iscsi = {daemon.Portal}\n");
        daemon.DaemonArguments = ["--config", file];
        daemon.UsesPortalFlag = false;
        daemon.Start();
        daemon.MakeVolume();
        string target = DaemonFixture.TargetName("tank/v");
        using WireClient old = await WireClient.LogInAsync(daemon.Port, target, 1);
        await File.WriteAllTextAsync(file, $"iscsi = {daemon.Address}:{other}\n");
        HangUp(daemon, "changed: iscsi");
        using WireClient moved = await WireClient.LogInAsync(other, target, 2);
        await old.WriteAsync(0, new byte[4096]);
        await Assert.ThrowsAnyAsync<Exception>(() => WireClient.LogInAsync(daemon.Port, target, 3));

        await File.WriteAllTextAsync(file, "iscsi = 203.0.113.1:3260\n");
        HangUp(daemon, "nothing changed");
        using WireClient still = await WireClient.LogInAsync(other, target, 4);
        await still.WriteAsync(0, new byte[4096]);
    }

    /// <summary>Waits until the log says all of the words, behind what it has said before.</summary>
    private static void HangUp(DaemonFixture daemon, params string[] words)
    {
        int before = File.ReadAllText(daemon.LogPath).Length;
        Tool.Check("sh", "-c", $"kill -HUP {daemon.ProcessId}");
        Stopwatch waited = Stopwatch.StartNew();
        string said = "";
        while (!words.All(word => said.Contains(word, StringComparison.Ordinal)))
        {
            Assert.True(waited.Elapsed.TotalSeconds < PatienceSeconds, $"the log says: {said}");
            Thread.Sleep(20);
            said = File.ReadAllText(daemon.LogPath)[before..];
        }
    }
}
