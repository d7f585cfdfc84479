using Cstor.Daemon.Api;
using Cstor.Daemon.Replicas;
using Cstor.Daemon.Service;
using Cstor.Engine.Host;
using Cstor.Engine.Host.Linux;
using Cstor.Engine.Pools;

namespace Cstor.Daemon.Jobs;

/// <summary>
/// All work that takes long, in one list. Nothing is kept for it: every job is told by who does the work, so
/// the list cannot say anything else than the pool's status does. Called from any thread.
/// </summary>
internal sealed class JobService(
    LinuxLoop loop, PoolRegistry registry, ReplicaGroups groups, PoolMaintenanceService maintenance,
    Transfers transfers) : IJobAdministration
{
    public async Task<Outcome<JobView[]>> ListAsync() => await loop.ReadAsync(List);

    public async Task<Outcome<ActionReport>> CancelAsync(string id)
    {
        JobView? job = (await loop.ReadAsync(List)).FirstOrDefault(job => job.Id == id);
        if (job is null) return JobTexts.NoSuchJob(id);
        if (job.State is not (JobView.Running or JobView.Paused))
        {
            return new Fault("job-ended", $"{id} has ended", "See: cstor job list --all");
        }
        if (job.CancelRefusal.Length > 0)
        {
            return new Fault("job-not-cancelable", $"{id} cannot be canceled: {job.CancelRefusal}");
        }
        if (job.Kind == JobTexts.Scrub)
        {
            return await maintenance.ScrubAsync(job.Subject, new ScrubRequest(ScrubRequest.Stop));
        }
        return transfers.TryCancel(id)
            ? PoolTexts.Done($"{id} ends; what has arrived is kept, and the rest can be sent later")
            : new Fault("job-ended", $"{id} has ended");
    }

    private JobView[] List()
    {
        List<JobView> jobs = [];
        foreach (Pool pool in registry.Pools)
        {
            PoolStatus status = pool.Status();
            if (status.Scan is { } scan) jobs.Add(JobTexts.Describe(pool.Name, scan));
            jobs.AddRange(status.Data.Destroying.Select(JobTexts.Describe));
        }
        foreach (ReplicaGroup group in groups.All) jobs.AddRange(JobTexts.CatchUps(group));
        jobs.AddRange(transfers.All().Select(transfer => JobTexts.Describe(transfer, loop.UtcNow)));
        return [.. jobs];
    }
}
