// Which devices are slow. A device is slow when its mean service time of reads (or of writes) over some 64
// requests is more than 4 times the median of its siblings in the vdev and more than 20 ms: the factor lets
// vdevs of slow disks alone, the floor lets fast ones differ. It counts as recovered below 2 times the median
// or below 10 ms. Where fewer than one sibling can be compared with, nobody is slow. Reads avoid a slow
// device where there is redundancy, but for one in 256, by which it can recover.
using System.Globalization;

namespace Cstor.Engine.Vdevs;

internal static class SlowDevices
{
    private const double SlowFactor = 4;
    private const double RecoveredFactor = 2;
    private const double SlowNanoseconds = 20e6;
    private const double RecoveredNanoseconds = 10e6;

    /// <summary>Judges a device of a vdev by the others: what <see cref="PoolDevice.SlowText"/> is.</summary>
    public static string Judge(PoolDevice device, ReadOnlySpan<PoolDevice> siblings) =>
        Judge(device, siblings, "reads", static sibling => sibling.ReadLatency)
            ?? Judge(device, siblings, "writes", static sibling => sibling.WriteLatency)
            ?? "";

    /// <summary>Whether a mean is slow beside the median of the siblings' means.</summary>
    /// <param name="meanNanoseconds">The device's.</param>
    /// <param name="medianNanoseconds">Of its siblings.</param>
    /// <param name="wasSlow">It is slow already, and must do better to be cleared.</param>
    public static bool IsSlow(double meanNanoseconds, double medianNanoseconds, bool wasSlow) => wasSlow
        ? meanNanoseconds > RecoveredNanoseconds && meanNanoseconds > RecoveredFactor * medianNanoseconds
        : meanNanoseconds > SlowNanoseconds && meanNanoseconds > SlowFactor * medianNanoseconds;

    private static string? Judge(
        PoolDevice device, ReadOnlySpan<PoolDevice> siblings, string what, Func<PoolDevice, DeviceLatency> of)
    {
        DeviceLatency own = of(device);
        if (!own.IsKnown || !IsSuspect(own)) return null;
        List<double> means = [];
        foreach (PoolDevice sibling in siblings)
            if (sibling != device && of(sibling).IsKnown)
                means.Add(of(sibling).MeanNanoseconds);
        if (means.Count == 0) return null;
        means.Sort();
        int middle = means.Count / 2;
        double median = means.Count % 2 == 1 ? means[middle] : (means[middle - 1] + means[middle]) / 2;
        bool wasSlow = device.SlowText.StartsWith($"slow: {what}", StringComparison.Ordinal);
        return IsSlow(own.MeanNanoseconds, median, wasSlow)
            ? $"slow: {what} take {Text(own.MeanNanoseconds)}, its siblings' {Text(median)}"
            : null;
    }

    // Spares healthy vdevs the search for a median, and its memory.
    private static bool IsSuspect(DeviceLatency latency) => latency.MeanNanoseconds > RecoveredNanoseconds;

    private static string Text(double nanoseconds)
    {
        double milliseconds = nanoseconds / 1e6;
        string format = milliseconds < 10 ? "0.0" : "0";
        return milliseconds.ToString(format, CultureInfo.InvariantCulture) + " ms";
    }
}
