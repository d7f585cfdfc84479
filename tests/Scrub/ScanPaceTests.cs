using Cstor.Engine.Pools;
using Cstor.Engine.Scrub;
using Xunit;

namespace Cstor.Tests.Scrub;

public sealed class ScanPaceTests
{
    private const long Millisecond = 1_000_000;

    private static readonly PoolOptions Options = new();

    [Fact]
    public void With_nobody_else_the_whole_window_is_used_without_rest()
    {
        ScanPace pace = new(Options);
        pace.Observe(Millisecond, 1000);
        pace.Observe(2 * Millisecond, 1000);
        Assert.Equal((Options.ScanWindow, Options.ScanRunBytes), (pace.Window, pace.RunBytes));
        Assert.Equal(0, pace.RestAfter(5 * Millisecond));
    }

    [Fact]
    public void While_requests_come_one_short_read_is_under_way_and_most_of_the_time_none()
    {
        ScanPace pace = new(Options);
        pace.Observe(Millisecond, 1000);
        pace.Observe(2 * Millisecond, 1001);
        Assert.True(pace.IsYielding);
        Assert.Equal((1, Options.ScanYieldRunBytes), (pace.Window, pace.RunBytes));
        Assert.True(pace.RestAfter(3 * Millisecond) > 3 * Millisecond);
    }

    [Fact]
    public void A_while_after_the_last_request_it_is_idle_again()
    {
        ScanPace pace = new(Options);
        pace.Observe(Millisecond, 0);
        pace.Observe(2 * Millisecond, 1);
        pace.Observe(10 * Millisecond, 1);
        Assert.True(pace.IsYielding);
        pace.Observe(23 * Millisecond, 1);
        Assert.False(pace.IsYielding);
    }

    [Fact]
    public void A_device_that_is_stuck_does_not_make_the_rest_endless()
    {
        ScanPace pace = new(Options);
        pace.Observe(Millisecond, 0);
        pace.Observe(2 * Millisecond, 1);
        Assert.InRange(pace.RestAfter(100_000 * Millisecond), Millisecond, 1000 * Millisecond);
    }

    [Fact]
    public void The_rate_is_that_of_the_last_ten_seconds()
    {
        ScanRate rate = new();
        Assert.Equal(0, rate.BytesPerSecond(0, 0));
        for (long second = 0; second <= 100; second++)
        {
            long bytes = second <= 50 ? second * 1000 : 50_000 + ((second - 50) * 10);
            rate.Observe(second * 1000 * Millisecond, bytes);
            rate.Observe((second * 1000 * Millisecond) + 1, bytes + 7);
        }

        Assert.Equal(10, rate.BytesPerSecond(100_000 * Millisecond, 50_500));
        rate.Restart();
        Assert.Equal(0, rate.BytesPerSecond(101_000 * Millisecond, 50_500));
    }
}
