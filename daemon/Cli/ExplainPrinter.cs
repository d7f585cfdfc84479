using System.Globalization;
using Cstor.Daemon.Explain;
using Cstor.Engine.Statistics;

namespace Cstor.Daemon.Cli;

/// <summary><c>cstor volume explain</c> for people.</summary>
internal static class ExplainPrinter
{
    /// <param name="output">Where to.</param>
    /// <param name="explanation">What to say.</param>
    /// <param name="seconds">How long was looked; 0 for all since the volume was opened.</param>
    public static void Write(TextWriter output, VolumeExplanation explanation, int seconds)
    {
        string when = seconds == 0
            ? "since it was opened"
            : string.Create(CultureInfo.InvariantCulture, $"in the last {seconds} s");
        output.WriteLine($"{explanation.Volume}, {when}:");
        output.WriteLine();
        WriteCommands(output, explanation.Io);
        if (explanation.Stages.Length > 0)
        {
            output.WriteLine();
            WriteStages(output, explanation.Stages);
        }
        output.WriteLine();
        foreach (string line in explanation.Cause) output.WriteLine(line);
    }

    private static void WriteCommands(TextWriter output, VolumeIo io)
    {
        TextTable table = new("COMMANDS", ">COUNT", ">MEAN", ">p50", ">p99");
        Add("reads", io.Reads);
        Add("writes", io.Writes);
        Add("flushes", io.Flushes);
        table.Write(output, 2);

        void Add(string name, HistogramCounts counts) => table.Add(
            name,
            counts.Count.ToString(CultureInfo.InvariantCulture),
            DurationText.Of(counts.Mean),
            DurationText.Of(counts.Percentile(0.5)),
            DurationText.Of(counts.Percentile(0.99)));
    }

    private static void WriteStages(TextWriter output, StageShare[] stages)
    {
        TextTable table = new("TIME GOES INTO", ">SHARE", ">TIME", ">WAITS", ">MEAN", ">p50", ">p99");
        foreach (StageShare stage in stages)
        {
            bool isKnown = stage.Waits.Count > 0;
            table.Add(
                stage.Name,
                stage.Share.ToString("0.0 %", CultureInfo.InvariantCulture),
                DurationText.Of(stage.Nanoseconds),
                isKnown ? stage.Waits.Count.ToString(CultureInfo.InvariantCulture) : "",
                DurationText.Of(isKnown ? stage.Nanoseconds / stage.Waits.Count : 0),
                DurationText.Of(stage.Waits.Percentile(0.5)),
                DurationText.Of(stage.Waits.Percentile(0.99)));
        }
        table.Write(output, 2);
    }
}
