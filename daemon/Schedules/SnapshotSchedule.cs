using System.Globalization;

namespace Cstor.Daemon.Schedules;

/// <summary>
/// When snapshots of a volume are taken, and how many are kept: one part of the property
/// <c>snapshot-schedule</c>, as <c>hourly 0 * * * * keep 24; daily 30 3 * * * keep 7</c>.
/// </summary>
/// <param name="Name">Part of the snapshots' names; parts are kept apart by it.</param>
/// <param name="Time">When.</param>
/// <param name="Keep">How many of this name stay.</param>
internal sealed record SnapshotSchedule(string Name, CronTime Time, int Keep)
{
    /// <summary>The property.</summary>
    public const string Property = "snapshot-schedule";

    private const int NameMaximum = 20;
    private const int KeepMaximum = 1000;
    private const int PartsMaximum = 8;
    private const string Mark = "auto-";
    private const string Stamp = "yyyyMMdd'T'HHmm'Z'";

    /// <summary>What the names of its snapshots begin with.</summary>
    public string Prefix => $"{Mark}{Name}-";

    /// <returns>Why the text is no schedule, or null; none in an empty text.</returns>
    public static string? TryParse(string text, out SnapshotSchedule[] schedules)
    {
        schedules = [];
        if (text is "" or "none") return null;
        List<SnapshotSchedule> all = [];
        foreach (string part in text.Split(';', StringSplitOptions.RemoveEmptyEntries))
        {
            string[] words = part.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (words.Length < 4 || words[^2] != "keep")
            {
                return $"'{part.Trim()}' is no schedule: write NAME MINUTE HOUR DAY MONTH WEEKDAY "
                    + "keep COUNT, several with a semicolon between";
            }
            string name = words[0];
            bool isName = name.Length <= NameMaximum
                && name.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c));
            if (!isName) return $"'{name}' cannot name a schedule: up to {NameMaximum} letters and digits";
            if (all.Exists(other => other.Name == name)) return $"two schedules have the name '{name}'";
            string cron = string.Join(' ', words[1..^2]);
            if (CronTime.TryParse(cron, out CronTime? time) is { } wrong) return wrong;
            bool isCount = int.TryParse(
                words[^1], NumberStyles.None, CultureInfo.InvariantCulture, out int keep)
                && keep is >= 1 and <= KeepMaximum;
            if (!isCount) return $"'{words[^1]}': keep 1 to {KeepMaximum} snapshots";
            all.Add(new SnapshotSchedule(name, time!, keep));
        }
        if (all.Count == 0) return "the schedule is empty; none takes it away";
        if (all.Count > PartsMaximum) return $"more than {PartsMaximum} schedules";
        schedules = [.. all];
        return null;
    }

    /// <summary>What the snapshot of a point in time is called.</summary>
    public string NameAt(DateTimeOffset due) =>
        Prefix + due.UtcDateTime.ToString(Stamp, CultureInfo.InvariantCulture);

    /// <summary>For which point in time a snapshot was taken, or null if it is none of ours.</summary>
    public DateTimeOffset? DueOf(string snapshot)
    {
        if (!snapshot.StartsWith(Prefix, StringComparison.Ordinal)) return null;
        return DateTime.TryParseExact(
            snapshot[Prefix.Length..], Stamp, CultureInfo.InvariantCulture,
            DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out DateTime due)
            ? new DateTimeOffset(due, TimeSpan.Zero)
            : null;
    }
}
