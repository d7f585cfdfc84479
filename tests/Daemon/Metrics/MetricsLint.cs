using System.Globalization;
using System.Text.RegularExpressions;

namespace Cstor.Tests.Daemon.Metrics;

/// <summary>
/// Reads the text format of Prometheus as strictly as its server does, and complains of what
/// <c>promtool check metrics</c> complains of.
/// </summary>
internal static partial class MetricsLint
{
    private static readonly string[] Types = ["counter", "gauge", "histogram", "summary", "untyped"];

    private static readonly string[] ForeignUnits =
    [
        "minutes", "hours", "days", "weeks", "kelvins", "fahrenheit", "rankine", "inches", "yards", "miles",
        "bits", "calories", "pounds", "ounces", "milliseconds", "microseconds", "nanoseconds", "kilobytes",
        "megabytes", "gigabytes", "kibibytes", "mebibytes", "gibibytes",
    ];

    private static readonly string[] Abbreviations =
        ["s", "ms", "us", "ns", "sec", "b", "kb", "mb", "gb", "tb", "pb", "m", "h", "d"];

    public static List<string> Check(string text)
    {
        List<string> wrong = [];
        if (!text.EndsWith('\n')) wrong.Add("the last line has no end");
        Dictionary<string, string> types = [], helps = [];
        HashSet<string> series = [], ended = [];
        Dictionary<string, List<(double Bound, double Count)>> buckets = [];
        Dictionary<string, double> counts = [];
        string family = "";
        foreach (string line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            if (Comment().Match(line) is { Success: true } comment)
            {
                string name = comment.Groups[2].Value;
                Dictionary<string, string> into = comment.Groups[1].Value == "TYPE" ? types : helps;
                if (!into.TryAdd(name, comment.Groups[3].Value)) wrong.Add($"{name}: declared twice");
                if (name == family) continue;
                if (!ended.Add(family) && family.Length > 0) wrong.Add($"{family}: samples in two places");
                family = name;
                continue;
            }

            if (Sample().Match(line) is not { Success: true } sample)
            {
                wrong.Add($"not understood: {line}");
                continue;
            }

            string key = sample.Groups[1].Value + sample.Groups[2].Value;
            if (!series.Add(key)) wrong.Add($"{key}: twice");
            bool isNumber = double.TryParse(
                sample.Groups[3].Value, NumberStyles.Float, CultureInfo.InvariantCulture, out double value);
            if (!isNumber) wrong.Add($"{key}: {sample.Groups[3].Value} is no number");
            if (FamilyOf(sample.Groups[1].Value, types) != family) wrong.Add($"{key}: outside its family");
            NoteHistogram(sample, value, types.GetValueOrDefault(family, ""), family, buckets, counts);
        }

        foreach ((string name, string type) in types) wrong.AddRange(CheckName(name, type, helps));
        wrong.AddRange(buckets.SelectMany(each => CheckBuckets(each.Key, each.Value, counts)));
        return wrong;
    }

    /// <summary>Names of all families.</summary>
    public static HashSet<string> Families(string text) =>
        [.. Comment().Matches(text).Select(match => match.Groups[2].Value)];

    private static void NoteHistogram(
        Match sample, double value, string type, string family,
        Dictionary<string, List<(double Bound, double Count)>> buckets, Dictionary<string, double> counts)
    {
        if (type != "histogram") return;
        string labels = sample.Groups[2].Value;
        if (sample.Groups[1].Value == family + "_count") counts[family + labels] = value;
        if (sample.Groups[1].Value != family + "_bucket") return;
        Match bound = Bound().Match(labels);
        string series = family + labels.Replace(bound.Value, "", StringComparison.Ordinal)
            .Replace("{}", "", StringComparison.Ordinal);
        if (!buckets.TryGetValue(series, out var list)) buckets[series] = list = [];
        string text = bound.Groups[1].Value;
        list.Add((text == "+Inf" ? double.PositiveInfinity
            : double.Parse(text, CultureInfo.InvariantCulture), value));
    }

    private static IEnumerable<string> CheckName(
        string name, string type, Dictionary<string, string> helps)
    {
        if (!Types.Contains(type)) yield return $"{name}: no type {type}";
        if (string.IsNullOrEmpty(helps.GetValueOrDefault(name))) yield return $"{name}: no help text";
        bool isTotal = name.EndsWith("_total", StringComparison.Ordinal);
        if (type == "counter" && !isTotal) yield return $"{name}: a counter should end with _total";
        if (type != "counter" && isTotal) yield return $"{name}: no counter should not end with _total";
        foreach (string suffix in (string[])["_bucket", "_count", "_sum"])
        {
            if (!name.EndsWith(suffix, StringComparison.Ordinal)) continue;
            yield return $"{name}: should not end with {suffix}";
        }

        if (name.Contains(':')) yield return $"{name}: a colon is for recording rules";
        if (name.Any(char.IsUpper)) yield return $"{name}: should be snake_case";
        string[] words = name.Split('_');
        foreach (string word in words)
        {
            if (ForeignUnits.Contains(word)) yield return $"{name}: use the base unit, not {word}";
            if (Abbreviations.Contains(word)) yield return $"{name}: do not abbreviate {word}";
            if (Types.Contains(word)) yield return $"{name}: should not name its type";
        }
    }

    private static IEnumerable<string> CheckBuckets(
        string series, List<(double Bound, double Count)> buckets, Dictionary<string, double> counts)
    {
        if (!double.IsPositiveInfinity(buckets[^1].Bound)) yield return $"{series}: no bucket +Inf";
        for (int i = 1; i < buckets.Count; i++)
        {
            if (buckets[i].Bound <= buckets[i - 1].Bound) yield return $"{series}: bounds do not grow";
            if (buckets[i].Count < buckets[i - 1].Count) yield return $"{series}: buckets are not cumulative";
        }

        if (!counts.TryGetValue(series, out double count)) yield return $"{series}: no _count";
        else if (count != buckets[^1].Count) yield return $"{series}: _count is not the last bucket";
    }

    private static string FamilyOf(string sample, Dictionary<string, string> types)
    {
        foreach (string suffix in (string[])["_bucket", "_sum", "_count"])
        {
            if (!sample.EndsWith(suffix, StringComparison.Ordinal)) continue;
            string name = sample[..^suffix.Length];
            if (types.GetValueOrDefault(name) is "histogram" or "summary") return name;
        }

        return sample;
    }

    [GeneratedRegex(@"^# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) ?(.*)$", RegexOptions.Multiline)]
    private static partial Regex Comment();

    [GeneratedRegex(@"^([a-zA-Z_:][a-zA-Z0-9_:]*)"
        + @"(\{(?:[a-zA-Z_][a-zA-Z0-9_]*=""(?:[^""\\\n]|\\[""\\n])*"",?)*\})? (\S+)$")]
    private static partial Regex Sample();

    [GeneratedRegex(@",?le=""([^""]*)""")]
    private static partial Regex Bound();
}
