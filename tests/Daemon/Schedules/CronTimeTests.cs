using System.Globalization;
using Cstor.Daemon.Schedules;
using Xunit;

namespace Cstor.Tests.Daemon.Schedules;

public sealed class CronTimeTests
{
    [Theory]
    [InlineData("* * * * *", "2026-11-21 12:34", "2026-11-21 12:34")]
    [InlineData("0 * * * *", "2026-11-21 12:34", "2026-11-21 12:00")]
    [InlineData("30 3 * * *", "2026-11-21 03:29", "2026-11-20 03:30")]
    [InlineData("*/15 9-17 * * mon-fri", "2026-11-21 12:00", "2026-11-20 17:45")]
    [InlineData("5/20 * * * *", "2026-11-21 12:44", "2026-11-21 12:25")]
    [InlineData("0 0 1 * *", "2026-11-21 12:00", "2026-11-01 00:00")]
    [InlineData("0 0 29 feb *", "2026-11-21 12:00", "2024-02-29 00:00")]
    [InlineData("0 0 13 * fri", "2026-11-21 12:00", "2026-11-20 00:00")]
    [InlineData("0 0 * * 7", "2026-11-21 12:00", "2026-11-15 00:00")]
    [InlineData("0 0 * * SUN,wed", "2026-11-21 12:00", "2026-11-18 00:00")]
    [InlineData("@daily", "2026-11-21 12:00", "2026-11-21 00:00")]
    [InlineData("@weekly", "2026-11-21 12:00", "2026-11-15 00:00")]
    [InlineData("@yearly", "2026-11-21 12:00", "2026-01-01 00:00")]
    public void The_newest_time_that_has_come_is_found(string cron, string now, string expected)
    {
        Assert.Null(CronTime.TryParse(cron, out CronTime? time));
        Assert.Equal(Utc(expected), time!.Previous(Utc(now)));
    }

    [Theory]
    [InlineData("")]
    [InlineData("* * * *")]
    [InlineData("60 * * * *")]
    [InlineData("* 24 * * *")]
    [InlineData("* * 0 * *")]
    [InlineData("* * * 13 *")]
    [InlineData("* * * * 8")]
    [InlineData("*/0 * * * *")]
    [InlineData("5-1 * * * *")]
    [InlineData("a * * * *")]
    [InlineData("1, * * * *")]
    [InlineData("-1 * * * *")]
    [InlineData("0 0 31 feb *")]
    [InlineData("@fortnightly")]
    public void What_is_no_time_is_refused(string cron)
    {
        Assert.Contains(cron, CronTime.TryParse(cron, out CronTime? time), StringComparison.Ordinal);
        Assert.Null(time);
    }

    [Fact]
    public void Every_minute_that_is_found_is_one_and_none_is_between_it_and_now()
    {
        Assert.Null(CronTime.TryParse("7,37 */5 * * tue", out CronTime? time));
        DateTimeOffset now = Utc("2026-11-21 12:00");
        for (int i = 0; i < 200; i++)
        {
            DateTimeOffset found = time!.Previous(now)!.Value;
            Assert.Equal(DayOfWeek.Tuesday, found.DayOfWeek);
            Assert.Contains(found.Minute, (int[])[7, 37]);
            Assert.Equal(0, found.Hour % 5);
            Assert.Equal(found, time.Previous(found));
            now = found.AddMinutes(-1);
        }
    }

    internal static DateTimeOffset Utc(string text) => DateTimeOffset.ParseExact(
        text, "yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal);
}
