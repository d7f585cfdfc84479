using System.Text.Json;
using Cstor.Daemon.Cli;
using Cstor.Tests.Daemon.Api;
using Xunit;

namespace Cstor.Tests.Daemon.Cli;

public sealed class IostatCommandsTests
{
    [Fact]
    public async Task Volumes_are_shown_by_what_they_did_in_between()
    {
        await using RunningServer server = await StartAsync();
        Assert.Equal(0, await server.RunAsync("volume", "iostat", "tank"));
        string[] row = Row(server, "tank/db");
        Assert.Equal(["tank/db", "3.0", "1.0", "24K", "16K"], row[..5]);
        Assert.Matches("^[0-9.]+(us|ms)$", row[5]);
        Assert.Equal(12, row.Length);
    }

    [Fact]
    public async Task Devices_are_shown_by_vdev_with_latencies()
    {
        await using RunningServer server = await StartAsync();
        Assert.Equal(0, await server.RunAsync("pool", "iostat", "-v", "-l"));
        Assert.Equal(["tank", "3.0", "1.0", "1.0", "24K", "64K", "2"], Row(server, "tank")[..7]);
        Assert.Equal(["mirror-0", "3.0"], Row(server, "mirror-0")[..2]);
        Assert.Equal(["/dev/sdb", "3.0", "1.0", "1.0", "24K", "64K", "2"], Row(server, "/dev/sdb")[..7]);
        Assert.Equal("0", Row(server, "/dev/sdc")[1]);
        Assert.Equal(13, Row(server, "/dev/sdc").Length);
    }

    [Fact]
    public async Task Watching_goes_on_for_as_many_rounds_as_it_is_told()
    {
        await using RunningServer server = await StartAsync();
        Assert.Equal(0, await server.RunAsync("pool", "iostat", "--watch", "1", "--count", "3", "tank"));
        string[] lines = server.Out.ToString().Split('\n');
        Assert.Equal(3, lines.Count(line => line.StartsWith("POOL", StringComparison.Ordinal)));
        Assert.Equal(ExitCode.Usage, await server.RunAsync("pool", "iostat", "--watch", "0"));
        Assert.Equal(ExitCode.Failed, await server.RunAsync("pool", "iostat", "other"));
        Assert.Equal(ExitCode.Failed, await server.RunAsync("volume", "iostat", "tank/other"));
    }

    [Fact]
    public async Task An_explanation_names_the_dominant_cause_and_the_device()
    {
        await using RunningServer server = await StartAsync();
        Assert.Equal(0, await server.RunAsync("volume", "explain", "--for", "1", "tank/db"));
        string text = server.Out.ToString();
        Assert.Contains("tank/db, in the last 1 s:", text, StringComparison.Ordinal);
        Assert.Equal(["reads", "3", "1.00ms"], Row(server, "reads")[..3]);
        Assert.Equal("device", Row(server, "device")[0]);
        Assert.Equal(0, await server.RunAsync("volume", "explain", "tank/db", "--json"));
        using JsonDocument json = JsonDocument.Parse(server.Out.ToString());
        Assert.Equal("tank/db", json.RootElement.GetProperty("volume").GetString());
        Assert.Equal(ExitCode.Failed, await server.RunAsync("volume", "explain", "tank/other"));
        Assert.Contains("target list", server.Error.ToString(), StringComparison.Ordinal);
    }

    private static async Task<RunningServer> StartAsync()
    {
        RunningServer server = await RunningServer.StartAsync();
        server.Daemon.Observed.Counted.Clear();
        for (int second = 1; second <= 5; second++)
        {
            server.Daemon.Observed.Counted.Enqueue(
                FakeObservation.Statistics(second, FakeObservation.Noon.AddSeconds(second)));
        }

        return server;
    }

    private static string[] Row(RunningServer server, string first) => server.Out.ToString().Split('\n')
        .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        .First(words => words.Length > 1 && words[0] == first);
}
