using System.Text.Json;
using Xunit;
using Xunit.Abstractions;

namespace Cstor.Tests.EndToEnd;

/// <summary>
/// Who did what and what happened can be asked of the real daemon, also after it was killed.
/// </summary>
[Collection(EndToEndCollection.Name)]
[Trait("Category", EndToEndCollection.Category)]
public sealed class JournalTests(ITestOutputHelper output)
{
    [RequiresFact]
    public void Acts_and_events_survive_a_kill_and_name_who_asked()
    {
        using DaemonFixture daemon = new(output);
        daemon.MakeVolume();
        daemon.CliOk("snapshot", "tank/v@monday");
        daemon.CliFails(1, ["pool", "destroy", "tank"], "volume");
        daemon.CliOk("pool", "scrub", "-w", "tank");
        daemon.Kill();
        daemon.Start();

        string history = daemon.CliOk("pool", "history", "tank");
        foreach (string act in (string[])
            ["cstor volume create tank/v 256M", "cstor snapshot tank/v@monday", "[pool-not-empty:",
                Environment.UserName])
        {
            Assert.Contains(act, history, StringComparison.Ordinal);
        }

        JsonElement[] events = [.. daemon.Json("pool", "events", "--last", "0", "tank").EnumerateArray()];
        string[] codes = [.. events.Select(entry => entry.GetProperty("code").GetString()!)];
        Assert.Contains("began", codes);
        Assert.Contains("imported", codes);
        Assert.Contains("act", codes);
        long[] numbers = [.. events.Select(entry => entry.GetProperty("sequence").GetInt64())];
        Assert.Equal(numbers.Order(), numbers);
        Assert.Equal(numbers.Distinct().Count(), numbers.Length);
    }

    [RequiresFact]
    public void Who_follows_sees_a_scrub_begin_and_end()
    {
        using DaemonFixture daemon = new(output);
        daemon.MakeVolume();
        using System.Diagnostics.Process follower = Tool.Start(
            Machine.DaemonPath,
            ["pool", "events", "--follow", "--last", "0", "tank", "--socket", daemon.SocketPath],
            redirectInput: false);
        daemon.CliOk("pool", "scrub", "-w", "tank");
        string all = "";
        while (!all.Contains("scrub finished", StringComparison.Ordinal))
        {
            string? line = follower.StandardOutput.ReadLine();
            Assert.NotNull(line);
            all += line + "\n";
        }

        Assert.Contains("begins", all, StringComparison.Ordinal);
        follower.Kill();
        follower.WaitForExit();
    }
}
