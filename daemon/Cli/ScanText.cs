using System.Globalization;
using Cstor.Engine.Pools;
using Cstor.PoolLayout.Units;

namespace Cstor.Daemon.Cli;

/// <summary>How a scrub or resilver is told.</summary>
internal static class ScanText
{
    /// <summary>Two lines for <c>pool status</c>, or one if there was none.</summary>
    public static string[] Lines(string pool, ScanStatus? scan)
    {
        if (scan is null) return [$"none so far; begin one with: cstor pool scrub {pool}"];
        string found = Found(scan);
        return scan.State switch
        {
            "running" => [$"{Head(scan)}: {Examined(scan)}", $"{Pace(scan)}{found}"],
            "paused" => [
                $"{Head(scan)}: {Examined(scan)}", $"{found}; go on with: cstor pool scrub {pool}"],
            _ => [$"{Head(scan)}: {Examined(scan)}", found],
        };
    }

    /// <summary>All of it in a line, for a command that waited.</summary>
    public static string Summary(ScanStatus scan) => $"{Head(scan)}: {Examined(scan)}, {Found(scan)}";

    /// <summary>0 to 100; what was allocated since it began does not count.</summary>
    public static double Percent(ScanStatus scan) => scan.TotalBytes <= 0
        ? 100
        : Math.Clamp((double)scan.ExaminedBytes / scan.TotalBytes * 100, 0, 100);

    /// <summary>Rate and time left, as far as known, each ended by <paramref name="separator"/>.</summary>
    public static string Pace(ScanStatus scan, string separator = ", ", string end = "; ")
    {
        string rate = scan.BytesPerSecond > 0 ? ByteSize.Format(scan.BytesPerSecond) + "/s" : "";
        string left = scan.TimeLeft is { } time ? Duration(time) + " left" : "";
        string both = rate.Length > 0 && left.Length > 0 ? rate + separator + left : rate + left;
        return both.Length == 0 ? "" : both + end;
    }

    /// <summary>The two largest units: <c>4m50s</c>, <c>2d3h</c>.</summary>
    public static string Duration(TimeSpan time)
    {
        long seconds = Math.Max(0, (long)Math.Round(time.TotalSeconds));
        (long days, long hours) = (seconds / 86400, seconds / 3600 % 24);
        (long minutes, long rest) = (seconds / 60 % 60, seconds % 60);
        FormattableString text = days > 0 ? $"{days}d{hours}h"
            : hours > 0 ? $"{hours}h{minutes}m"
            : minutes > 0 ? $"{minutes}m{rest}s"
            : (FormattableString)$"{rest}s";
        return text.ToString(CultureInfo.InvariantCulture);
    }

    private static string Head(ScanStatus scan)
    {
        string start = scan.StartedAt.UtcDateTime.ToString("u", CultureInfo.InvariantCulture);
        string after = scan.EndedAt is { } end ? " after " + Duration(end - scan.StartedAt) : "";
        return scan.State switch
        {
            "running" => $"{scan.Kind} in progress since {start}",
            "paused" => $"{scan.Kind} of {start} paused",
            "canceled" => $"{scan.Kind} of {start} stopped{after}",
            _ => $"{scan.Kind} of {start} {scan.State}{after}",
        };
    }

    private static string Examined(ScanStatus scan)
    {
        string examined = ByteSize.Format(scan.ExaminedBytes);
        if (scan.State == "finished") return $"{examined} looked at";
        string percent = Percent(scan).ToString("0.0", CultureInfo.InvariantCulture);
        return $"{examined} of {ByteSize.Format(scan.TotalBytes)} looked at ({percent} %)";
    }

    private static string Found(ScanStatus scan) => string.Create(
        CultureInfo.InvariantCulture,
        $"{scan.RepairedBlocks} block{(scan.RepairedBlocks == 1 ? "" : "s")} repaired, "
            + $"{scan.LostBlocks} lost");
}
