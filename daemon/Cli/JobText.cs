using System.Globalization;
using Cstor.Daemon.Api;
using Cstor.PoolLayout.Units;

namespace Cstor.Daemon.Cli;

/// <summary>How jobs are told.</summary>
internal static class JobText
{
    public static bool IsUnderWay(JobView job) => job.State is JobView.Running or JobView.Paused;

    public static void Write(TextWriter output, JobView[] jobs)
    {
        if (jobs.Length == 0)
        {
            output.WriteLine("no jobs");
            return;
        }
        TextTable table = new("JOB", "KIND", "OF", "STATE", ">DONE", ">BYTES", ">RATE", ">LEFT", "DETAIL");
        foreach (JobView job in jobs)
        {
            table.Add(
                job.Id,
                job.Kind,
                job.Subject,
                job.State,
                job.Progress is null ? "" : Share(job),
                job.DoneBytes is { } done ? ByteSize.Format(done) : "",
                job.BytesPerSecond > 0 ? ByteSize.Format(job.BytesPerSecond) + "/s" : "",
                job.SecondsLeft is { } left ? Duration(left) : "",
                job.Detail);
        }
        table.Write(output);
    }

    private static string Share(JobView job) =>
        Percent(job.Progress).ToString("0.0", CultureInfo.InvariantCulture) + "%";

    /// <summary>0 to 100; 0 while nobody knows.</summary>
    public static double Percent(double? part) => Math.Clamp((part ?? 0) * 100, 0, 100);

    /// <summary>Bytes, rate and time left, as far as they are known.</summary>
    public static string Pace(JobView job) => string.Join("  ", new[]
    {
        job.DoneBytes is > 0 and { } done ? ByteSize.Format(done) : "",
        job.BytesPerSecond > 0 ? ByteSize.Format(job.BytesPerSecond) + "/s" : "",
        job.SecondsLeft is { } left ? Duration(left) + " left" : "",
    }.Where(static part => part.Length > 0));

    /// <summary>What became of a job, in a line.</summary>
    public static string Summary(JobView job)
    {
        string detail = job.Detail.Length > 0 ? ", " + job.Detail : "";
        return $"{job.Id}: {job.Kind} of {job.Subject} {job.State}{detail}";
    }

    // A rate that is nearly nothing makes more seconds than a time span holds.
    private static string Duration(double seconds) =>
        ScanText.Duration(TimeSpan.FromSeconds(Math.Min(seconds, TimeSpan.FromDays(999).TotalSeconds)));
}
