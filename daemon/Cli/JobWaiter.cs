using Cstor.Daemon.Api;
using Cstor.Engine.Host;

namespace Cstor.Daemon.Cli;

/// <summary>
/// Watches a job by looking again and again: the watch ends with this process, the job does not.
/// </summary>
/// <param name="context">Where progress is shown.</param>
/// <param name="look">Asks for all jobs.</param>
internal sealed class JobWaiter(
    CliContext context, Func<CancellationToken, Task<Outcome<JobView[]>>> look)
{
    /// <returns>Why it did not end well, or null.</returns>
    public async Task<Fault?> WaitAsync(string id, CancellationToken cancel)
    {
        ScanProgress progress = new(context.Out, context.IsTerminal);
        JobView? last = null;
        while (true)
        {
            Outcome<JobView[]> jobs = await look(cancel);
            JobView? job = jobs.IsOk ? Array.Find(jobs.Value, job => job.Id == id) : null;
            if (job?.State != JobView.Running)
            {
                progress.End();
                return jobs.IsOk ? Judge(id, last, job) : jobs.Fault;
            }
            last = job;
            progress.Show(job.Subject, job.Kind, JobText.Percent(job.Progress), JobText.Pace(job));
            await Task.Delay(context.PollInterval, cancel);
        }
    }

    /// <summary>Who does the work forgets some jobs when they are done.</summary>
    private Fault? Judge(string id, JobView? last, JobView? ended)
    {
        if (ended is null && last is null)
        {
            return new Fault("no-such-job", $"there is no job '{id}'", "See: cstor job list --all");
        }
        context.Out.WriteLine(JobText.Summary(ended ?? last! with { State = JobView.Finished, Detail = "" }));
        return ended?.State switch
        {
            null or JobView.Finished => null,
            JobView.Paused => new Fault(
                "job-paused", $"{id} is paused", $"Go on with: cstor pool scrub {ended.Subject}"),
            _ => new Fault("job-" + ended.State, $"{id} did not come to its end"),
        };
    }
}
