using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using Cstor.Tests.Daemon.Metrics;
using Xunit;
using Xunit.Abstractions;

namespace Cstor.Tests.EndToEnd;

/// <summary>What a real daemon counts of a real initiator's requests, and how it bounds them.</summary>
[Collection(EndToEndCollection.Name)]
[Trait("Category", EndToEndCollection.Category)]
public sealed class ObservationTests(ITestOutputHelper output)
{
    [RequiresFact("qemu-io")]
    public async Task Requests_of_an_initiator_are_in_metrics_iostat_and_explanation()
    {
        using DaemonFixture daemon = new(output);
        daemon.MakeVolume();
        Tool.Check(
            "qemu-io", "-f", "raw", "-c", "write -P 1 0 1M", "-c", "flush", "-c", "read -P 1 0 1M",
            daemon.Url("tank/v"));
        string text = await MetricsAsync(daemon);
        Assert.Empty(MetricsLint.Check(text));
        Assert.True(ValueOf(text, "cstor_volume_write_size_bytes_sum{volume=\"tank/v\"}") >= 1 << 20);
        Assert.True(ValueOf(text, "cstor_volume_read_size_bytes_sum{volume=\"tank/v\"}") >= 1 << 20);
        Assert.True(ValueOf(text, "cstor_volume_flush_duration_seconds_count{volume=\"tank/v\"}") >= 1);
        Assert.Contains("cstor_device_flush_duration_seconds_count{pool=\"tank\"", text, default);
        Assert.Contains("cstor_pool_health{pool=\"tank\",health=\"online\"} 1", text, default);

        string explained = daemon.CliOk("volume", "explain", "tank/v");
        Assert.Contains("% of the time is", explained, StringComparison.Ordinal);
        Assert.Contains("commit", explained, StringComparison.Ordinal);
        Assert.Contains("tank/v", daemon.CliOk("volume", "iostat"), StringComparison.Ordinal);
        Assert.Contains(
            "tank.img", daemon.CliOk("pool", "iostat", "-v", "-l", "tank"), StringComparison.Ordinal);
    }

    [RequiresFact("qemu-img")]
    public async Task A_limit_holds_commands_back_as_soon_as_it_is_set_and_none_is_lost()
    {
        using DaemonFixture daemon = new(output);
        daemon.MakeVolume();
        daemon.CliOk("volume", "set", "tank/v", "iops-limit=50", "limit-burst=1");
        Tool.Check(
            "qemu-img", "bench", "-f", "raw", "-t", "none", "-w", "-c", "150", "-d", "16", "-s", "4096",
            daemon.Url("tank/v"));
        const string waits = "cstor_volume_stage_waits_total{volume=\"tank/v\",stage=\"limit\"}";
        double before = ValueOf(await MetricsAsync(daemon), waits);
        Assert.True(before > 50, $"{before} waits");
        daemon.CliOk("volume", "set", "tank/v", "iops-limit=none");
        Tool.Check(
            "qemu-img", "bench", "-f", "raw", "-t", "none", "-w", "-c", "1000", "-d", "16", "-s", "4096",
            daemon.Url("tank/v"));
        Assert.Equal(before, ValueOf(await MetricsAsync(daemon), waits));
        daemon.CliFails(1, ["volume", "set", "tank/v", "iops-limit=many"], "iops-limit", "many");
        daemon.CliFails(
            1, ["volume", "set", "tank/v", "snapshot-schedule=hourly 61 * * * * keep 3"], "61", "0 to 59");
    }

    [RequiresFact]
    public async Task Over_tcp_nothing_but_the_health_check_comes_without_the_token()
    {
        int port = DaemonFixture.FreePort();
        using DaemonFixture daemon = new(output, start: false);
        string token = Path.Combine(daemon.Folder, "token");
        await File.WriteAllTextAsync(token, "0123456789abcdef\n");
        daemon.DaemonArguments = ["--http", $"127.0.0.1:{port}", "--http-token-file", token];
        daemon.Start();
        using HttpClient http = new() { BaseAddress = new Uri($"http://127.0.0.1:{port}") };
        Assert.Equal(HttpStatusCode.OK, (await http.GetAsync("/v1/health")).StatusCode);
        foreach (string path in (string[])["/metrics", "/v1/pools", "/v1/openapi.json", "/v1/events/follow"])
        {
            Assert.Equal(HttpStatusCode.Forbidden, (await http.GetAsync(path)).StatusCode);
        }

        http.DefaultRequestHeaders.Authorization =
            new AuthenticationHeaderValue("Bearer", "0123456789abcdef");
        Assert.Empty(MetricsLint.Check(await http.GetStringAsync("/metrics")));
        Assert.Equal(HttpStatusCode.OK, (await http.GetAsync("/v1/openapi.json")).StatusCode);
    }

    [RequiresFact]
    public void A_configuration_that_is_wrong_is_named_by_line_and_nothing_is_started()
    {
        using DaemonFixture daemon = new(output, start: false);
        string file = Path.Combine(daemon.Folder, "cstor.conf"), state = Path.Combine(daemon.Folder, "state");
        foreach ((string text, string[] words) in (ReadOnlySpan<(string, string[])>)
        [
            ("# fine\nisci = 0.0.0.0:3260\n", [":2:", "'isci'", "iscsi"]),
            ("cache = lots\n", [":1:", "'lots'", "256M"]),
            ("device-timeout = 0\n", [":1:", "'0'", "1 to 600"]),
            ("http\n", [":1:", "'http'", "KEY = VALUE"]),
            ("http = 127.0.0.1:1\n\nhttp = 127.0.0.1:2\n", [":3:", ":1", "Keep one"]),
            ($"http-token-file = {file}\n", ["http-token-file", "http"]),
            ($"http = 127.0.0.1:{daemon.Port}\nhttp-token-file = /nowhere\n", ["/nowhere"]),
        ])
        {
            File.WriteAllText(file, text);
            ToolResult result = Tool.Run(
                Machine.DaemonPath,
                ["daemon", "--config", file, "--state-dir", state, "--socket", daemon.SocketPath]);
            Assert.True(result.ExitCode == 1, $"{text}: {result}");
            foreach (string word in words) Assert.Contains(word, result.Error, StringComparison.Ordinal);
            Assert.False(Path.Exists(daemon.SocketPath));
        }
    }

    private static double ValueOf(string metrics, string series)
    {
        string line = metrics.Split('\n').Single(
            each => each.StartsWith(series + " ", StringComparison.Ordinal));
        return double.Parse(line[series.Length..], System.Globalization.CultureInfo.InvariantCulture);
    }

    private static async Task<string> MetricsAsync(DaemonFixture daemon)
    {
        using HttpClient http = new(new SocketsHttpHandler
        {
            ConnectCallback = async (_, cancel) =>
            {
                Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                await socket.ConnectAsync(new UnixDomainSocketEndPoint(daemon.SocketPath), cancel);
                return new NetworkStream(socket, ownsSocket: true);
            },
        });
        return await http.GetStringAsync("http://cstor/metrics");
    }
}
