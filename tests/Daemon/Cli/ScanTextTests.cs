using Cstor.Daemon.Cli;
using Cstor.Engine.Pools;
using Xunit;

namespace Cstor.Tests.Daemon.Cli;

public sealed class ScanTextTests
{
    private static readonly ScanStatus Scan = new(
        "scrub", "running", new DateTimeOffset(2026, 11, 21, 14, 0, 0, TimeSpan.FromHours(2)), null,
        25L << 30, 100L << 30, 25L << 30, 1, 0, 0, null);

    [Fact]
    public void A_scan_that_runs_says_what_is_known_of_its_pace()
    {
        Assert.Equal(
            ["scrub in progress since 2026-11-21 12:00:00Z: 25G of 100G looked at (25.0 %)",
                "1 block repaired, 0 lost"],
            ScanText.Lines("tank", Scan));
        Assert.Equal(
            "310M/s; 1 block repaired, 0 lost",
            ScanText.Lines("tank", Scan with { BytesPerSecond = 310L << 20 })[1]);
    }

    [Fact]
    public void A_paused_scan_says_how_to_go_on()
    {
        Assert.Equal(
            ["scrub of 2026-11-21 12:00:00Z paused: 25G of 100G looked at (25.0 %)",
                "1 block repaired, 0 lost; go on with: cstor pool scrub tank"],
            ScanText.Lines("tank", Scan with { State = "paused" }));
    }

    [Fact]
    public void A_scan_that_ended_says_how_long_it_took()
    {
        DateTimeOffset end = Scan.StartedAt.AddMinutes(62);
        Assert.Equal(
            "scrub of 2026-11-21 12:00:00Z finished after 1h2m: 25G looked at, 1 block repaired, 0 lost",
            ScanText.Summary(Scan with { State = "finished", EndedAt = end }));
        Assert.Equal(
            "scrub of 2026-11-21 12:00:00Z stopped after 1h2m: 25G of 100G looked at (25.0 %), "
                + "1 block repaired, 0 lost",
            ScanText.Summary(Scan with { State = "canceled", EndedAt = end }));
    }

    [Theory]
    [InlineData(0, 0, 100)]
    [InlineData(0, 5, 0)]
    [InlineData(7, 5, 100)]
    public void The_percentage_stays_between_0_and_100(long examined, long total, double expected)
    {
        Assert.Equal(expected, ScanText.Percent(Scan with { ExaminedBytes = examined, TotalBytes = total }));
    }

    [Theory]
    [InlineData(0, "0s")]
    [InlineData(59.6, "1m0s")]
    [InlineData(290, "4m50s")]
    [InlineData(3720, "1h2m")]
    [InlineData(183600, "2d3h")]
    [InlineData(-5, "0s")]
    public void A_duration_has_its_two_largest_units(double seconds, string expected)
    {
        Assert.Equal(expected, ScanText.Duration(TimeSpan.FromSeconds(seconds)));
    }
}
