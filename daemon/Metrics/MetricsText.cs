using System.Globalization;
using System.Text;
using Cstor.Engine.Statistics;

namespace Cstor.Daemon.Metrics;

/// <summary>
/// Writes the text format of Prometheus (version 0.0.4): a family has its help and type once, and all its
/// samples behind them.
/// </summary>
internal sealed class MetricsText
{
    public const string ContentType = "text/plain; version=0.0.4; charset=utf-8";

    private const double Nanosecond = 1e-9;

    /// <summary>Powers of two in nanoseconds, from 16 us to 17 s, that bound the buckets of durations.
    /// </summary>
    private static readonly int[] DurationLogs =
        [14, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 28, 30, 32, 34];

    /// <summary>Powers of two in bytes, from 4K to 1M.</summary>
    private static readonly int[] SizeLogs = [12, 13, 14, 15, 16, 17, 18, 20];

    private readonly StringBuilder _text = new();
    private string _family = "";

    public override string ToString() => _text.ToString();

    public void Gauge(string name, string help) => Begin(name, "gauge", help);

    /// <param name="name">Ends with <c>_total</c>.</param>
    /// <param name="help">What is counted.</param>
    public void Counter(string name, string help) => Begin(name, "counter", help);

    public void Histogram(string name, string help) => Begin(name, "histogram", help);

    /// <summary>A sample of the family that was begun last.</summary>
    public void Add(double value, params ReadOnlySpan<(string Name, string Value)> labels) =>
        Sample(_family, value, labels);

    /// <summary>Durations in nanoseconds, as seconds.</summary>
    public void AddDurations(
        HistogramCounts counts, params ReadOnlySpan<(string Name, string Value)> labels) =>
        AddHistogram(counts, DurationLogs, Nanosecond, labels);

    /// <summary>Sizes in bytes.</summary>
    public void AddSizes(HistogramCounts counts, params ReadOnlySpan<(string Name, string Value)> labels) =>
        AddHistogram(counts, SizeLogs, 1, labels);

    private void AddHistogram(
        HistogramCounts counts,
        int[] logs,
        double unit,
        ReadOnlySpan<(string Name, string Value)> labels)
    {
        (string Name, string Value)[] bounded = [.. labels, ("le", "")];
        foreach (int log in logs)
        {
            bounded[^1] = ("le", Text((1L << log) * unit));
            Sample(_family + "_bucket", counts.CountBelow(1L << log), bounded);
        }
        bounded[^1] = ("le", "+Inf");
        Sample(_family + "_bucket", counts.Count, bounded);
        Sample(_family + "_sum", counts.Sum * unit, labels);
        Sample(_family + "_count", counts.Count, labels);
    }

    private void Begin(string name, string type, string help)
    {
        _family = name;
        _text.Append("# HELP ").Append(name).Append(' ').Append(help).Append('\n');
        _text.Append("# TYPE ").Append(name).Append(' ').Append(type).Append('\n');
    }

    private void Sample(string name, double value, ReadOnlySpan<(string Name, string Value)> labels)
    {
        _text.Append(name);
        for (int i = 0; i < labels.Length; i++)
        {
            _text.Append(i == 0 ? '{' : ',').Append(labels[i].Name).Append("=\"");
            Escape(labels[i].Value);
            _text.Append('"');
        }
        if (labels.Length > 0) _text.Append('}');
        _text.Append(' ').Append(Text(value)).Append('\n');
    }

    private void Escape(string value)
    {
        foreach (char c in value)
        {
            if (c == '\n') _text.Append("\\n");
            else if (c is '"' or '\\') _text.Append('\\').Append(c);
            else _text.Append(c);
        }
    }

    private static string Text(double value) => value.ToString("R", CultureInfo.InvariantCulture);
}
