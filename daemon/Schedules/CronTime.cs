using System.Globalization;

namespace Cstor.Daemon.Schedules;

/// <summary>
/// Points in time as crontab(5) writes them: minute, hour, day of month, month, day of week, each a star,
/// numbers, ranges and steps, months and days by name too, and the usual words (<c>@daily</c>). In UTC: no
/// hour comes twice or not at all. Where both days are restricted, either of them will do, as cron has it.
/// </summary>
internal sealed class CronTime
{
    private static readonly string[] Months =
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

    private static readonly string[] Days = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

    private readonly ulong _minutes;
    private readonly ulong _hours;
    private readonly ulong _monthDays;
    private readonly ulong _months;
    private readonly ulong _weekDays;
    private readonly bool _eitherDay;

    private CronTime(ulong[] sets, bool eitherDay)
    {
        (_minutes, _hours, _monthDays, _months, _weekDays) = (sets[0], sets[1], sets[2], sets[3], sets[4]);
        _eitherDay = eitherDay;
    }

    /// <returns>Why the text is no such time, or null.</returns>
    public static string? TryParse(string text, out CronTime? time)
    {
        time = null;
        string[] fields = Expand(text).Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (fields.Length != 5)
        {
            return $"'{text}' is no time: write MINUTE HOUR DAY MONTH WEEKDAY, such as 30 3 * * *, or @daily";
        }
        (int First, int Last, string[] Names, int Base)[] ranges =
            [(0, 59, [], 0), (0, 23, [], 0), (1, 31, [], 0), (1, 12, Months, 1), (0, 7, Days, 0)];
        ulong[] sets = new ulong[5];
        for (int i = 0; i < 5; i++)
        {
            if (ParseField(fields[i], ranges[i].First, ranges[i].Last, ranges[i].Names, ranges[i].Base,
                out sets[i]) is { } wrong)
            {
                return $"'{text}': {wrong}";
            }
        }
        // Sunday is 0 and 7.
        if ((sets[4] & (1UL << 7)) != 0) sets[4] |= 1;
        bool eitherDay = fields[2][0] != '*' && fields[4][0] != '*';
        CronTime parsed = new(sets, eitherDay);
        if (parsed.Previous(new DateTimeOffset(2032, 3, 1, 0, 0, 0, TimeSpan.Zero)) is null)
        {
            return $"'{text}' never comes";
        }
        time = parsed;
        return null;
    }

    /// <summary>The newest such minute that is not after a moment; null if there was none in years.</summary>
    public DateTimeOffset? Previous(DateTimeOffset moment)
    {
        DateTime utc = moment.UtcDateTime;
        DateTime minute = new(utc.Year, utc.Month, utc.Day, utc.Hour, utc.Minute, 0, DateTimeKind.Utc);
        DateTime day = minute.Date;
        // A leap day that falls on a week day comes once in 28 years, 40 across a century.
        for (int back = 0; back < 41 * 366; back++)
        {
            if (MatchesDay(day))
            {
                TimeSpan latest = back == 0 ? minute.TimeOfDay : new TimeSpan(23, 59, 0);
                for (int at = (int)latest.TotalMinutes; at >= 0; at--)
                {
                    if (Has(_hours, at / 60) && Has(_minutes, at % 60))
                    {
                        return new DateTimeOffset(day.AddMinutes(at), TimeSpan.Zero);
                    }
                }
            }
            day = day.AddDays(-1);
        }
        return null;
    }

    private bool MatchesDay(DateTime day)
    {
        if (!Has(_months, day.Month)) return false;
        bool monthDay = Has(_monthDays, day.Day);
        bool weekDay = Has(_weekDays, (int)day.DayOfWeek);
        return _eitherDay ? monthDay || weekDay : monthDay && weekDay;
    }

    private static bool Has(ulong set, int number) => (set & (1UL << number)) != 0;

    private static string Expand(string text) => text.Trim() switch
    {
        "@hourly" => "0 * * * *",
        "@daily" or "@midnight" => "0 0 * * *",
        "@weekly" => "0 0 * * 0",
        "@monthly" => "0 0 1 * *",
        "@yearly" or "@annually" => "0 0 1 1 *",
        string other => other,
    };

    private static string? ParseField(
        string field, int first, int last, string[] names, int nameBase, out ulong set)
    {
        set = 0;
        foreach (string part in field.Split(','))
        {
            string[] halves = part.Split('/');
            int step = 1;
            if (halves.Length > 2 || (halves.Length == 2 && (!TryNumber(halves[1], out step) || step == 0)))
            {
                return $"'{part}' has no step";
            }
            string[] ends = halves[0] == "*" ? [$"{first}", $"{last}"] : halves[0].Split('-');
            int to = 0;
            bool isRead = ends.Length <= 2 && TryValue(ends[0], names, nameBase, out int from)
                && TryValue(ends[^1], names, nameBase, out to) && from >= first && to <= last && from <= to;
            if (!isRead)
            {
                return string.Create(
                    CultureInfo.InvariantCulture, $"'{part}' is not within {first} to {last}");
            }
            _ = TryValue(ends[0], names, nameBase, out from);
            // A single number with a step goes on to the end, as in 5/15.
            if (ends.Length == 1 && halves.Length == 2) to = last;
            for (int value = from; value <= to; value += step) set |= 1UL << value;
        }
        return null;
    }

    private static bool TryValue(string text, string[] names, int nameBase, out int value)
    {
        int named = Array.IndexOf(names, text.ToLowerInvariant());
        value = named + nameBase;
        return named >= 0 || TryNumber(text, out value);
    }

    private static bool TryNumber(string text, out int value) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value) && value < 64;
}
