using Cstor.Daemon.Explain;
using Cstor.Engine.Statistics;
using Xunit;

namespace Cstor.Tests.Daemon.Explain;

public sealed class VolumeExplanationTests
{
    private const long Millisecond = 1_000_000;

    [Fact]
    public void Every_nanosecond_counts_once_and_the_rest_is_the_targets()
    {
        VolumeTimes times = new();
        times.Reads.Add(10 * Millisecond);
        times.Add(IoStage.DeviceRead, 8 * Millisecond);
        times.Add(IoStage.Verify, 3 * Millisecond);
        times.Writes.Add(20 * Millisecond);
        times.Add(IoStage.Place, 15 * Millisecond);
        times.Add(IoStage.Held, 4 * Millisecond);
        times.Add(IoStage.DeviceWrite, 9 * Millisecond);
        VolumeExplanation explanation = VolumeExplanation.Of(times.Take("tank/db"), []);
        Assert.Equal(
            ["device write 9", "other 7", "device read 5", "held 4", "verify 3", "prepare 2"],
            explanation.Stages.Select(stage => $"{stage.Name} {stage.Nanoseconds / Millisecond}"));
        Assert.Equal(30 * Millisecond, explanation.Stages.Sum(stage => stage.Nanoseconds));
        Assert.Equal(1, explanation.Stages.Sum(stage => stage.Share), 6);
        Assert.StartsWith("30 % of the time is writing blocks to devices", explanation.Cause[0], default);
    }

    [Theory]
    [InlineData(IoStage.Network, "initiator")]
    [InlineData(IoStage.Limit, "limits")]
    [InlineData(IoStage.Held, "keep up")]
    [InlineData(IoStage.Lookup, "cache")]
    [InlineData(IoStage.Commit, "durable")]
    [InlineData(IoStage.Overlap, "same blocks")]
    [InlineData(IoStage.Share, "other volumes")]
    public void The_dominant_cause_is_told_in_words_with_what_to_do(IoStage stage, string word)
    {
        VolumeTimes times = new();
        times.Writes.Add(10 * Millisecond);
        times.Add(stage, 9 * Millisecond);
        if (stage == IoStage.Held) times.Add(IoStage.Place, 9 * Millisecond);
        string[] cause = VolumeExplanation.Of(times.Take("tank/db"), []).Cause;
        Assert.Contains("90 %", cause[0], StringComparison.Ordinal);
        Assert.Contains(word, cause[0], StringComparison.Ordinal);
        Assert.Equal(2, cause.Length);
    }

    [Fact]
    public void One_slow_device_among_its_siblings_is_named_and_equal_ones_are_not_suspected()
    {
        VolumeTimes times = new();
        times.Flushes.Add(10 * Millisecond);
        times.Add(IoStage.Commit, 9 * Millisecond);
        DeviceIo[] devices = [Device("/dev/a", 1), Device("/dev/b", 9), Device("/dev/c", 1)];
        string[] cause = VolumeExplanation.Of(times.Take("tank/db"), devices).Cause;
        Assert.Contains("flushes of /dev/b", cause[1], StringComparison.Ordinal);
        Assert.Contains("9.0 times those of its siblings: suspect it", cause[1], StringComparison.Ordinal);
        devices[1] = Device("/dev/b", 1);
        cause = VolumeExplanation.Of(times.Take("tank/db"), devices).Cause;
        Assert.Contains("alike", cause[1], StringComparison.Ordinal);
    }

    [Fact]
    public void A_volume_that_nobody_uses_is_not_to_blame() => Assert.Contains(
        "no command came",
        Assert.Single(VolumeExplanation.Of(VolumeIo.None("tank/db"), []).Cause),
        StringComparison.Ordinal);

    [Theory]
    [InlineData(0, "")]
    [InlineData(870, "870ns")]
    [InlineData(12_340, "12.3us")]
    [InlineData(4_560_000, "4.56ms")]
    [InlineData(61_000_000_000, "61.0s")]
    public void Durations_have_three_digits_and_a_unit(double nanoseconds, string text) =>
        Assert.Equal(text, DurationText.Of(nanoseconds));

    private static DeviceIo Device(string path, int milliseconds)
    {
        Histogram flushes = new();
        for (int i = 0; i < 100; i++) flushes.Add(milliseconds * Millisecond);
        return new DeviceIo(
            Guid.Empty, path, "raidz1-0", 0, HistogramCounts.None, HistogramCounts.None, flushes.Take(),
            0, 0);
    }
}
