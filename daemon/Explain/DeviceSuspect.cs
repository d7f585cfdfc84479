using System.Globalization;
using Cstor.Engine.Statistics;

namespace Cstor.Daemon.Explain;

/// <summary>Tells whether one device makes a stage slow, or all alike do.</summary>
internal static class DeviceSuspect
{
    /// <summary>So many times slower than its siblings' median, a device is named.</summary>
    private const double Outlier = 2;

    /// <param name="stage">Where the time went.</param>
    /// <param name="devices">Of the pool, for the same time.</param>
    /// <returns>What can be said of devices, or null where they have no part in it.</returns>
    public static string? Find(string stage, DeviceIo[] devices)
    {
        Func<DeviceIo, HistogramCounts>? of = stage switch
        {
            StageShare.DeviceRead or StageShare.Lookup => device => device.Reads,
            StageShare.DeviceWrite or StageShare.Held => device => device.Writes,
            StageShare.Commit => device => device.Flushes,
            _ => null,
        };
        if (of is null) return null;
        (DeviceIo Device, HistogramCounts Times)[] busy =
        [
            .. devices.Select(device => (device, of(device)))
                .Where(pair => pair.Item2.Count > 0)
                .OrderByDescending(pair => pair.Item2.Mean),
        ];
        if (busy.Length == 0) return null;
        string what = stage switch
        {
            StageShare.Commit => "flushes",
            StageShare.DeviceRead or StageShare.Lookup => "reads",
            _ => "writes",
        };
        (DeviceIo slowest, HistogramCounts times) = busy[0];
        string slow = $"{what} of {slowest.Path} take {DurationText.Of(times.Mean)} "
            + $"(p99 {DurationText.Of(times.Percentile(0.99))})";
        if (busy.Length == 1) return slow;
        double median = busy[1..].Select(pair => pair.Times.Mean).Order().ElementAt((busy.Length - 1) / 2);
        return times.Mean > Outlier * median
            ? string.Create(
                CultureInfo.InvariantCulture,
                $"{slow}, {times.Mean / Math.Max(1, median):0.0} times those of its siblings: suspect it")
            : slow + "; its siblings' are alike";
    }
}
