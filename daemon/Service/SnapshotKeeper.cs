using Cstor.Daemon.Api;
using Cstor.Daemon.Replicas;
using Cstor.Daemon.Schedules;
using Cstor.Engine.Host;
using Cstor.Engine.Host.Linux;
using Cstor.Engine.Pools;
using Cstor.Engine.Versions;
using Cstor.Engine.Volumes;

namespace Cstor.Daemon.Service;

/// <summary>Snapshots for the scheduler; what it does is in the history, by <c>schedule</c>.</summary>
internal sealed class SnapshotKeeper(
    LinuxLoop loop, PoolRegistry registry, ReplicaGroups groups, ReplicaService replicas,
    IObservation observation)
    : ISnapshotKeeper
{
    private const string By = "schedule";

    public Task<ScheduledVolume[]> LookAsync() => loop.ReadAsync(() =>
    {
        List<ScheduledVolume> all = [];
        foreach (Pool pool in registry.Pools)
        {
            if (pool.IsReadOnly) continue;
            foreach (Volume volume in pool.Volumes)
            {
                // Of several replicas the leader's schedule counts, so it may be set on all of them.
                if (groups.Find(volume) is { Member.IsServing: false }) continue;
                if (volume.IsReceiving || ScheduleOf(volume) is not { Length: > 0 } schedule) continue;
                Snapshot[] taken = pool.SnapshotsOf(volume);
                all.Add(new ScheduledVolume(
                    volume.Id,
                    pool.Name,
                    volume.ShortName,
                    schedule,
                    [.. taken.Select(snapshot => snapshot.ShortName)],
                    [.. taken.Where(snapshot => pool.ReasonToKeep(snapshot) is not null)
                        .Select(snapshot => snapshot.ShortName)]));
            }
        }
        return all.ToArray();
    });

    public async Task<Outcome<ActionReport>> TakeAsync(string pool, string[] volumes, string snapshot)
    {
        Outcome<ActionReport> taken = await replicas.SnapshotAsync(
            new CreateSnapshotsRequest(pool, volumes, snapshot, DryRun: false));
        string names = string.Join(' ', volumes.Select(volume => $"{pool}/{volume}@{snapshot}"));
        observation.Record(new ActDescription(By, pool, "cstor snapshot " + names), taken);
        return taken;
    }

    public async Task<Outcome<ActionReport>> DestroyAsync(string pool, string volume, string snapshot)
    {
        Outcome<ActionReport> gone = await replicas.DestroySnapshotsAsync(
            pool, volume, new DestroySnapshotsRequest([snapshot], DryRun: false));
        string command = $"cstor snapshot destroy {pool}/{volume}@{snapshot}";
        observation.Record(new ActDescription(By, pool, command), gone);
        return gone;
    }

    private static string ScheduleOf(Volume volume) => volume.Status().Properties
        .FirstOrDefault(property => property.Key == SnapshotSchedule.Property).Value ?? "";
}
