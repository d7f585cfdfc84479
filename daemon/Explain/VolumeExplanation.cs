using System.Globalization;
using Cstor.Engine.Statistics;

namespace Cstor.Daemon.Explain;

/// <summary>
/// Where the time of a volume's commands went, and what that means. Stages are counted as they are passed,
/// some within others (what a write does contains the write to the devices), so the inner is taken from the
/// outer here and every nanosecond counts once. What no stage claims is the target's own: parsing, copying
/// and the turns of the loop.
/// </summary>
/// <param name="Volume">Pool and volume.</param>
/// <param name="Io">What was counted.</param>
/// <param name="Nanoseconds">Time of all commands together; they overlap, so it may exceed the clock's.
/// </param>
/// <param name="Stages">By share, the largest first.</param>
/// <param name="Cause">The dominant one in words, with what to do.</param>
internal sealed record VolumeExplanation(
    string Volume, VolumeIo Io, double Nanoseconds, StageShare[] Stages, string[] Cause)
{
    /// <param name="io">Of the volume, since its opening or for a while.</param>
    /// <param name="devices">Of its pool, for the same time.</param>
    public static VolumeExplanation Of(VolumeIo io, DeviceIo[] devices)
    {
        double total = io.Reads.Sum + io.Writes.Sum + io.Flushes.Sum;
        StageShare[] stages = [.. Split(io, total).OrderByDescending(stage => stage.Nanoseconds)];
        return new VolumeExplanation(io.Volume, io, total, stages, Explain(io, stages, devices));
    }

    private static IEnumerable<StageShare> Split(VolumeIo io, double total)
    {
        double read = io.Stage(IoStage.DeviceRead).Sum;
        double verify = Math.Min(read, io.Stage(IoStage.Verify).Sum);
        double held = io.Stage(IoStage.Held).Sum;
        double write = io.Stage(IoStage.DeviceWrite).Sum;
        double prepare = Math.Max(0, io.Stage(IoStage.Place).Sum - held - write);
        (string Name, double Nanoseconds, IoStage Stage)[] parts =
        [
            (StageShare.Network, io.Stage(IoStage.Network).Sum, IoStage.Network),
            (StageShare.Order, io.Stage(IoStage.Order).Sum, IoStage.Order),
            (StageShare.Limit, io.Stage(IoStage.Limit).Sum, IoStage.Limit),
            (StageShare.Turn, io.Stage(IoStage.Share).Sum, IoStage.Share),
            (StageShare.Overlap, io.Stage(IoStage.Overlap).Sum, IoStage.Overlap),
            (StageShare.Held, held, IoStage.Held),
            (StageShare.Lookup, io.Stage(IoStage.Lookup).Sum, IoStage.Lookup),
            (StageShare.DeviceRead, read - verify, IoStage.DeviceRead),
            (StageShare.Verify, verify, IoStage.Verify),
            (StageShare.Prepare, prepare, IoStage.Place),
            (StageShare.DeviceWrite, write, IoStage.DeviceWrite),
            (StageShare.Commit, io.Stage(IoStage.Commit).Sum, IoStage.Commit),
            (StageShare.Replicas, io.Stage(IoStage.Replicas).Sum, IoStage.Replicas),
            (StageShare.Relay, io.Stage(IoStage.Relay).Sum, IoStage.Relay),
        ];
        double claimed = 0;
        foreach ((string name, double nanoseconds, IoStage stage) in parts)
        {
            claimed += nanoseconds;
            if (nanoseconds > 0)
            {
                yield return new StageShare(
                    name, nanoseconds, total == 0 ? 0 : Math.Min(1, nanoseconds / total), io.Stage(stage));
            }
        }
        double other = total - claimed;
        if (other > 0)
        {
            yield return new StageShare(StageShare.Other, other, other / total, HistogramCounts.None);
        }
    }

    private static string[] Explain(VolumeIo io, StageShare[] stages, DeviceIo[] devices)
    {
        long commands = io.Reads.Count + io.Writes.Count + io.Flushes.Count;
        if (commands == 0 || stages.Length == 0)
        {
            return ["no command came: if the application waits, it does not wait for this volume"];
        }
        StageShare first = stages[0];
        string share = first.Share.ToString("0 %", CultureInfo.InvariantCulture);
        List<string> lines = [$"{share} of the time is {StageWords.Meaning(first.Name)}"];
        if (DeviceSuspect.Find(first.Name, devices) is { } suspect) lines.Add(suspect);
        if (first.Name == StageShare.Replicas && SlowestPeer(io) is { } peer) lines.Add(peer);
        lines.Add(StageWords.Remedy(first.Name));
        return [.. lines];
    }

    private static string? SlowestPeer(VolumeIo io) =>
        io.Peers.Where(static peer => peer.Answers.Count > 0).MaxBy(static peer => peer.Answers.Mean)
            is { } slowest
            ? $"{slowest.Node} takes {DurationText.Of(slowest.Answers.Mean)} to answer "
                + $"(p99 {DurationText.Of(slowest.Answers.Percentile(0.99))})"
            : null;
}
