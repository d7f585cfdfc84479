using System.Globalization;
using Cstor.Daemon.Api;
using Cstor.Daemon.Replicas;
using Cstor.Engine.Host;
using Cstor.Engine.Pools;
using Cstor.Target.Replication;

namespace Cstor.Daemon.Jobs;

/// <summary>What is said about each kind of job.</summary>
internal static class JobTexts
{
    public const string Scrub = "scrub";
    public const string Send = "send";
    public const string Receive = "receive";

    public static Fault NoSuchJob(string id) =>
        new("no-such-job", $"there is no job '{id}'", "See: cstor job list --all");

    public static JobView Describe(string pool, ScanStatus scan) => new(
        $"{scan.Kind}-{pool}",
        scan.Kind,
        pool,
        scan.State,
        scan.TotalBytes <= 0 ? 1 : Math.Clamp((double)scan.ExaminedBytes / scan.TotalBytes, 0, 1),
        scan.ExaminedBytes,
        scan.TotalBytes,
        scan.BytesPerSecond,
        scan.TimeLeft?.TotalSeconds)
    {
        Detail = string.Create(
            CultureInfo.InvariantCulture, $"{scan.RepairedBlocks} blocks repaired, {scan.LostBlocks} lost"),
        CancelRefusal = scan.Kind == Scrub ? "" : "a resilver gives the pool its redundancy back",
        StartedAt = scan.StartedAt,
    };

    public static JobView Describe(DestructionStatus destroying) => new(
        "destroy-" + Short(destroying.Id),
        "destroy",
        destroying.Name,
        JobView.Running,
        destroying.Percent / 100.0,
        null,
        null,
        0,
        null)
    {
        CancelRefusal = "what was destroyed is gone, only its space is not free yet",
    };

    /// <summary>The replicas that are being caught up, as the leader tells it. On the loop.</summary>
    public static IEnumerable<JobView> CatchUps(ReplicaGroup group)
    {
        foreach (ReplicaStatus replica in group.Member.Status().Replicas)
        {
            bool isComparing = replica.State == ReplicaState.Comparing;
            if (!isComparing && replica.State != ReplicaState.Replaying) continue;
            string node = replica.Place.Node;
            yield return new JobView(
                $"catch-up-{Short(group.Member.Record.Group)}-{node}",
                "catch-up",
                group.Volume.Name,
                JobView.Running,
                isComparing ? replica.ComparedShare : null,
                replica.SentBytes,
                null,
                (long)replica.BytesPerSecond,
                replica.SecondsLeft < 0 ? null : replica.SecondsLeft)
            {
                Detail = isComparing
                    ? $"{node} is compared"
                    : string.Create(
                        CultureInfo.InvariantCulture, $"{node} is {replica.EntriesBehind} changes behind"),
                CancelRefusal = $"the replica on {node} would never be in sync; "
                    + $"to do without it: cstor replica remove {group.Volume.Name} {node}",
            };
        }
    }

    /// <summary>Rate and time left are those of the whole transfer so far. On the loop.</summary>
    public static JobView Describe(Transfer transfer, DateTimeOffset now)
    {
        bool isRunning = transfer.EndedAt is null;
        double seconds = ((transfer.EndedAt ?? now) - transfer.StartedAt).TotalSeconds;
        double? share = transfer.State == JobView.Finished ? 1 : transfer.Progress.Share;
        return new JobView(
            transfer.Id,
            transfer.Kind,
            transfer.Subject,
            transfer.State,
            share,
            transfer.Progress.Bytes,
            null,
            seconds > 0 ? (long)(transfer.Progress.Bytes / seconds) : 0,
            isRunning && share > 0 ? seconds * (1 - share) / share : null)
        {
            Detail = transfer.Detail,
            StartedAt = transfer.StartedAt,
        };
    }

    // The end of it: what comes first may be the time.
    private static string Short(Guid id) => id.ToString("N")[^8..];
}
