using System.Text.Json;
using System.Text.RegularExpressions;
using Cstor.Daemon.Api;
using Cstor.Daemon.Metrics;
using Cstor.Engine.Pools;
using Cstor.Tests.Daemon.Api;
using Cstor.Tests.Tidy;
using Xunit;

namespace Cstor.Tests.Daemon.Metrics;

public sealed partial class MetricsReportTests
{
    [Fact]
    public async Task The_text_is_what_promtool_wants() =>
        Assert.Empty(MetricsLint.Check(await ReportAsync()));

    [Theory]
    [InlineData("# HELP a_total x\n# TYPE a_total gauge\na_total 1\n", "_total")]
    [InlineData("# HELP a x\n# TYPE a counter\na 1\n", "_total")]
    [InlineData("# TYPE a gauge\na 1\n", "help")]
    [InlineData("# HELP a_ms x\n# TYPE a_ms gauge\na_ms 1\n", "abbreviate")]
    [InlineData("# HELP a_milliseconds x\n# TYPE a_milliseconds gauge\na_milliseconds 1\n", "base unit")]
    [InlineData("# HELP a x\n# TYPE a gauge\na{b=\"c\"} 1\na{b=\"c\"} 2\n", "twice")]
    [InlineData("# HELP a x\n# TYPE a gauge\na{b=\"c\"d\"} 1\n", "not understood")]
    [InlineData("# HELP a x\n# TYPE a gauge\nb 1\n", "outside")]
    [InlineData("# HELP a x\n# TYPE a gauge\na one\n", "no number")]
    [InlineData("# HELP a x\n# TYPE a gauge\na 1", "no end")]
    [InlineData(
        "# HELP h x\n# TYPE h histogram\nh_bucket{le=\"1\"} 3\nh_bucket{le=\"+Inf\"} 2\nh_sum 1\nh_count 2\n",
        "cumulative")]
    [InlineData(
        "# HELP h x\n# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_sum 1\nh_count 3\n",
        "_count")]
    public void The_lint_finds_what_was_planted(string text, string complaint) =>
        Assert.Contains(
            MetricsLint.Check(text), wrong => wrong.Contains(complaint, StringComparison.Ordinal));

    [Fact]
    public async Task Volumes_pools_devices_and_sessions_are_counted_in_base_units()
    {
        string[] lines = (await ReportAsync()).Split('\n');
        foreach (string line in (string[])
        [
            "cstor_volume_size_bytes{volume=\"tank/db\"} 10737418240",
            "cstor_volume_read_duration_seconds_count{volume=\"tank/db\"} 3",
            "cstor_volume_read_duration_seconds_sum{volume=\"tank/db\"} 0.003",
            "cstor_volume_read_duration_seconds_bucket{volume=\"tank/db\",le=\"0.001048576\"} 3",
            "cstor_volume_read_duration_seconds_bucket{volume=\"tank/db\",le=\"0.000524288\"} 0",
            "cstor_volume_read_size_bytes_sum{volume=\"tank/db\"} 24576",
            "cstor_volume_stage_duration_seconds_total{volume=\"tank/db\",stage=\"device_read\"} 0.002",
            "cstor_pool_health{pool=\"tank\",health=\"degraded\"} 1",
            "cstor_pool_health{pool=\"tank\",health=\"online\"} 0",
            "cstor_device_state{pool=\"tank\",device=\"/dev/sdc\",state=\"missing\"} 1",
            "cstor_device_errors_total{pool=\"tank\",device=\"/dev/sdb\",kind=\"checksum\"} 2",
            "cstor_device_written_bytes_total{pool=\"tank\",vdev=\"mirror-0\",device=\"/dev/sdb\"} 65536",
            "cstor_session_read_bytes_total{target=\"iqn.2026-11.io.cstor:tank.db\",initiator=\"iqn.x:1\","
                + "address=\"10.0.0.9:4711\"} 24576",
        ])
        {
            Assert.Contains(line, lines);
        }
    }

    [Fact]
    public async Task Names_of_the_openebs_exporter_have_its_units()
    {
        string text = LegacyMetrics.Write(await SnapshotAsync());
        // The only names that no linter lets pass; dashboards ask for them.
        Assert.All(
            MetricsLint.Check(text),
            wrong => Assert.Contains("_block_count", wrong, StringComparison.Ordinal));
        string[] lines = text.Split('\n');
        const string labels =
            "{openebs_cas_type=\"cstor\",openebs_pv=\"tank/db\",openebs_pvc=\"tank/db\"}";
        foreach (string line in (string[])
        [
            $"openebs_size_of_volume{labels} 10",
            $"openebs_reads{labels} 3",
            $"openebs_read_time{labels} 3000000",
            $"openebs_read_block_count{labels} 48",
            $"openebs_volume_status{labels} 3",
            "openebs_pool_status{cstor_pool=\"tank\"} 2",
            "openebs_used_pool_capacity_percent{cstor_pool=\"tank\"} 25",
        ])
        {
            Assert.Contains(line, lines);
        }
    }

    [Fact]
    public void A_name_that_holds_quotes_and_line_breaks_stays_one_label()
    {
        MetricsText text = new();
        text.Gauge("a", "x");
        text.Add(1, ("b", "c\"d\\e\nf"));
        Assert.EndsWith("a{b=\"c\\\"d\\\\e\\nf\"} 1\n", text.ToString(), StringComparison.Ordinal);
        Assert.Empty(MetricsLint.Check(text.ToString()));
    }

    [Theory]
    [InlineData("grafana-dashboard.json")]
    [InlineData("prometheus-rules.yaml")]
    public async Task Dashboards_and_alerts_ask_only_for_what_is_there(string file)
    {
        HashSet<string> families = MetricsLint.Families(await ReportAsync());
        string text = await File.ReadAllTextAsync(Path.Combine(SourceTree.Root, "deploy", file));
        string[] asked = [.. MetricName().Matches(text).Select(match => match.Value).Distinct()];
        Assert.True(asked.Length > 5, string.Join(' ', asked));
        Assert.All(asked, name => Assert.Contains(families, family => name == family
            || name == family + "_bucket" || name == family + "_sum" || name == family + "_count"));
        if (file.EndsWith(".json", StringComparison.Ordinal)) JsonDocument.Parse(text).Dispose();
    }

    private static async Task<string> ReportAsync() => MetricsReport.Write(await SnapshotAsync());

    private static async Task<MetricsSnapshot> SnapshotAsync()
    {
        FakeAdministration daemon = new();
        StatisticsView statistics = (await daemon.Observed.StatisticsAsync()).Value;
        PoolStatus[] pools = [.. (await daemon.ListPoolsAsync()).Value.Select(pool => pool with
        {
            Scan = new("scrub", "running", FakeObservation.Noon, null, 10, 100, 10, 1, 0, 5, null),
        })];
        return new MetricsSnapshot(
            "0.1.0",
            new ProcessFigures(FakeObservation.Noon, 19 << 20, 1.5),
            pools,
            (await daemon.ListVolumesAsync(null)).Value,
            (await daemon.ListTargetsAsync()).Value,
            [new("tank/db", "node1", true, 0, 0), new("tank/db", "node2", false, -1, 1 << 20)],
            statistics);
    }

    [GeneratedRegex(@"\b(cstor|process|openebs)_[a-z_]+[a-z]\b(?!-)")]
    private static partial Regex MetricName();
}
