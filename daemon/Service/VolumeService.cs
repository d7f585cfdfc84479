using Cstor.Daemon.Api;
using Cstor.Daemon.Replicas;
using Cstor.Daemon.Vocabulary;
using Cstor.Engine.Host;
using Cstor.Engine.Host.Linux;
using Cstor.Engine.Pools;
using Cstor.Engine.Versions;
using Cstor.Engine.Volumes;
using Cstor.PoolLayout.Units;
using Cstor.Target;
using Microsoft.Extensions.Logging;

namespace Cstor.Daemon.Service;

/// <summary>
/// Volumes as the administrator sees them, in step with their targets. Called from any thread.
/// </summary>
internal sealed partial class VolumeService(
    LinuxLoop loop, PoolRegistry registry, VolumeTargets targets, ReplicaGroups groups, PoolStarter starter,
    ILogger logger)
{
    public Task<Outcome<VolumeView[]>> ListAsync(string? pool) => loop.CallAsync(() =>
    {
        if (pool is not null && registry.Find(pool) is null)
        {
            return ValueTask.FromResult<Outcome<VolumeView[]>>(PoolTexts.NoSuchPool(pool));
        }
        List<VolumeView> all = [];
        foreach (Pool open in registry.Pools)
        {
            if (pool is not null && open.Name != pool && open.Guid.ToString() != pool) continue;
            all.AddRange(open.Volumes.Select(volume => Describe(open, volume)));
        }
        all.Sort((first, second) => string.CompareOrdinal(first.Name, second.Name));
        return ValueTask.FromResult<Outcome<VolumeView[]>>(all.ToArray());
    });

    public Task<Outcome<VolumeView>> GetAsync(string pool, string volume) => loop.CallAsync(() =>
    {
        Fault? fault = registry.FindVolume(pool, volume, out Pool open, out Volume found);
        return ValueTask.FromResult<Outcome<VolumeView>>(fault is null ? Describe(open, found) : fault);
    });

    /// <param name="request">What to make.</param>
    /// <param name="replication">What it is to know of its group, if it is one of several replicas.</param>
    public async Task<Outcome<ActionReport>> CreateAsync(
        CreateVolumeRequest request, string replication = "")
    {
        if (Names.CheckVolume(request.Volume) is { } wrong)
        {
            return new Fault("bad-request", wrong, "Choose another name");
        }
        if (CheckProperties(request.Properties) is { } bad) return bad;
        if (PropertyRules.CheckTogether(request.Properties) is { } unfit) return unfit;
        Outcome<ChapSettings?> chap = ChapSecrets.Read(request.Properties);
        if (!chap.IsOk) return chap.Fault;
        string name = $"{request.Pool}/{request.Volume}";
        string size = ByteSize.Format(request.SizeBytes);
        Outcome<VolumeStatus?> created = await loop.CallAsync(
            () => CreateOnLoopAsync(request, replication, chap));
        if (!created.IsOk) return created.Fault;
        if (created.Value is not { } volume) return PoolTexts.Would($"would create volume {name} of {size}");
        Created(volume.Name, volume.SizeBytes, volume.BlockSizeBytes);
        return PoolTexts.Done(
            $"volume {volume.Name} created: {ByteSize.Format(volume.SizeBytes)}, "
                + $"blocks of {ByteSize.Format(volume.BlockSizeBytes)}, "
                + $"target {Names.Target(request.Pool, request.Volume)}");
    }

    public async Task<Outcome<ActionReport>> DestroyAsync(
        string pool, string volume, DestroyVolumeRequest request)
    {
        VolumeStatus? before = null;
        Outcome<ActionReport> report = await loop.CallAsync<ActionReport>(async () =>
        {
            if (registry.FindVolume(pool, volume, out Pool open, out Volume found) is { } fault) return fault;
            Snapshot[] snapshots = open.SnapshotsOf(found);
            if (snapshots.Length > 0 && !request.WithSnapshots)
            {
                return new Fault(
                    "volume-has-snapshots",
                    $"{found.Name} has {SnapshotTexts.Count(snapshots.Length)}",
                    "Destroy them first, or with it: cstor volume destroy -r " + found.Name);
            }
            if (SnapshotTexts.FindObstacle(open, snapshots) is { } obstacle) return obstacle;
            if (!request.Force && targets.FindUse(open, found) is { } busy) return busy;
            VolumeStatus status = found.Status();
            string subject = $"volume {found.Name} of {ByteSize.Format(found.SizeBytes)}, "
                + $"{ByteSize.Format(status.UsedBytes)} used"
                + (snapshots.Length > 0 ? $", with {SnapshotTexts.Count(snapshots.Length)}" : "");
            if (request.DryRun)
            {
                return PoolTexts.Would($"would destroy {subject}", SnapshotTexts.Indented(snapshots));
            }
            before = status;
            await groups.YieldAsync(found);
            await targets.RemoveAsync(open, volume);
            await groups.CloseAsync(found);
            Outcome<Unit> destroyed = await open.DestroyVolumeAsync(volume, request.WithSnapshots);
            return destroyed.IsOk ? PoolTexts.Done($"destroyed {subject}") : destroyed.Fault;
        });
        if (report.IsOk && !request.DryRun) Changed(report.Value.Lines[0]);
        else if (before is not null) await starter.ServeAsync(pool, before);
        return report;
    }

    /// <summary>
    /// Sessions are dropped before, where force allows it, and nobody logs in until it is done: an initiator
    /// that comes back learns by the unit attention of a new session that something happened.
    /// </summary>
    public async Task<Outcome<ActionReport>> RollbackAsync(
        string pool, string volume, RollbackRequest request)
    {
        bool wasTaken = false;
        Outcome<ActionReport> report = await loop.CallAsync<ActionReport>(async () =>
        {
            Fault? fault = registry.FindSnapshot(
                pool, volume, request.Snapshot, out Pool open, out Snapshot snapshot);
            if (fault is not null) return fault;
            Volume found = snapshot.Owner;
            Snapshot[] all = open.SnapshotsOf(found);
            Snapshot[] newer = all[(Array.IndexOf(all, snapshot) + 1)..];
            if (newer.Length > 0 && !request.DestroyNewer)
            {
                return new Fault(
                    "not-newest",
                    $"{snapshot.Name} is not the newest of {found.Name}: behind it "
                        + (newer.Length == 1 ? "is " : "are ")
                        + string.Join(", ", newer.Select(later => later.Name)),
                    "Roll back to the newest, destroy those with -r, or look at the older one in a clone: "
                        + $"cstor clone {snapshot.Name} {pool}/NEW");
            }
            if (SnapshotTexts.FindObstacle(open, newer) is { } obstacle) return obstacle;
            if (!request.Force && targets.FindUse(open, found) is { } busy)
            {
                return busy with
                {
                    Message = busy.Message
                        + ", whose caches would keep what the rollback takes away and write it back",
                    Remedy = "Unmount and log out there first, or insist with -f: sessions are dropped",
                };
            }
            string what = $"{found.Name} to {snapshot.ShortName} of {TimeText.Utc(snapshot.CreatedAt)}"
                + (newer.Length > 0 ? $", destroying {SnapshotTexts.Count(newer.Length)} behind it" : "");
            if (request.DryRun)
            {
                return PoolTexts.Would(
                    $"would roll back {what}; what was written since is lost",
                    SnapshotTexts.Indented(newer));
            }
            wasTaken = true;
            await targets.RemoveAsync(open, volume);
            Outcome<Unit> rolled = await open.RollbackAsync(volume, request.Snapshot, request.DestroyNewer);
            return rolled.IsOk ? PoolTexts.Done($"rolled back {what}") : rolled.Fault;
        });
        if (wasTaken) await ServeAgainAsync(pool, volume);
        if (report.IsOk && !request.DryRun) Changed(report.Value.Lines[0]);
        return report;
    }

    /// <summary>The volume keeps its identity, and gets a target of another name.</summary>
    public async Task<Outcome<ActionReport>> RenameAsync(
        string pool, string volume, RenameVolumeRequest request)
    {
        if (Names.CheckVolume(request.Name) is { } wrong)
        {
            return new Fault("bad-request", wrong, "Choose another name");
        }
        bool wasTaken = false;
        Outcome<ActionReport> report = await loop.CallAsync<ActionReport>(async () =>
        {
            if (registry.FindVolume(pool, volume, out Pool open, out Volume found) is { } fault) return fault;
            if (open.FindVolume(request.Name) is { } existing)
            {
                return new Fault("volume-exists", $"{existing.Name} exists already", "Choose another name");
            }
            string to = Names.Target(open.Name, request.Name);
            if (!request.Force && targets.FindUse(open, found) is { } busy)
            {
                return busy with
                {
                    Message = $"{busy.Message}, which would not find its target again: it becomes {to}",
                    Remedy = "Log out there first, or insist with -f: sessions are dropped",
                };
            }
            string before = found.Name;
            string after = $"{open.Name}/{request.Name}, target {to}";
            if (request.DryRun) return PoolTexts.Would($"would rename {before} to {after}");
            wasTaken = true;
            await targets.RemoveAsync(open, volume);
            Outcome<Unit> renamed = await open.RenameVolumeAsync(volume, request.Name);
            return renamed.IsOk ? PoolTexts.Done($"volume {before} is now {after}") : renamed.Fault;
        });
        if (wasTaken) await ServeAgainAsync(pool, report.IsOk ? request.Name : volume);
        if (report.IsOk && !request.DryRun) Changed(report.Value.Lines[0]);
        return report;
    }

    public async Task<Outcome<ActionReport>> ResizeAsync(
        string pool, string volume, ResizeVolumeRequest request)
    {
        Outcome<ActionReport> report = await loop.CallAsync<ActionReport>(async () =>
        {
            if (registry.FindVolume(pool, volume, out Pool open, out Volume found) is { } fault) return fault;
            string from = ByteSize.Format(found.SizeBytes);
            if (request.SizeBytes < found.SizeBytes && !request.Force)
            {
                return PoolTexts.WouldShrink(found.Name, found.SizeBytes, request.SizeBytes);
            }
            Outcome<Unit> resized = await open.ResizeVolumeAsync(volume, request.SizeBytes);
            if (!resized.IsOk) return resized.Fault;
            targets.CapacityChanged(open, volume);
            return PoolTexts.Done(
                $"volume {found.Name} resized from {from} to {ByteSize.Format(found.SizeBytes)}");
        });
        if (report.IsOk) Changed(report.Value.Lines[0]);
        return report;
    }

    public async Task<Outcome<ActionReport>> SetPropertiesAsync(
        string pool, string volume, SetPropertiesRequest request)
    {
        if (CheckProperties(request.Properties) is { } bad) return bad;
        Outcome<VolumeStatus> before = await loop.CallAsync(() =>
        {
            Fault? fault = registry.FindVolume(pool, volume, out _, out Volume found);
            return ValueTask.FromResult<Outcome<VolumeStatus>>(fault is null ? found.Status() : fault);
        });
        if (!before.IsOk) return before.Fault;
        Dictionary<string, string> after = new(before.Value.Properties);
        foreach ((string name, string value) in request.Properties) after[name] = value;
        bool asksForLogin = request.Properties.Keys.Any(PropertyRules.IsOfDaemon);
        Outcome<ChapSettings?> chap = ChapSecrets.Read(after);
        if (asksForLogin && !chap.IsOk) return chap.Fault;
        Outcome<ActionReport> report = await loop.CallAsync<ActionReport>(async () =>
        {
            if (registry.FindVolume(pool, volume, out Pool open, out Volume found) is { } fault) return fault;
            Outcome<Unit> set = await open.SetPropertiesAsync(volume, [.. request.Properties]);
            if (!set.IsOk) return set.Fault;
            Outcome<Unit> served = asksForLogin ? await targets.ServeAsync(open, found, chap) : Unit.Value;
            return served.IsOk
                ? new ActionReport(
                    false, [.. request.Properties.Select(property => $"{found.Name}: {Text(property)}")])
                : served.Fault;
        });
        if (!report.IsOk) return report;
        foreach (string line in report.Value.Lines) Changed(line);
        return report;
    }

    private async ValueTask<Outcome<VolumeStatus?>> CreateOnLoopAsync(
        CreateVolumeRequest request, string replication, Outcome<ChapSettings?> chap)
    {
        if (registry.Find(request.Pool) is not { } pool) return PoolTexts.NoSuchPool(request.Pool);
        if (pool.FindVolume(request.Volume) is { } existing)
        {
            return new Fault("volume-exists", $"{existing.Name} exists already", "Choose another name");
        }
        if (request.DryRun) return Outcome<VolumeStatus?>.Ok(null);
        Outcome<Volume> created = await pool.CreateVolumeAsync(
            request.Volume, request.SizeBytes, request.BlockSizeBytes,
            [.. request.Properties, new(VolumeProperties.ReplicationKey, replication)]);
        if (!created.IsOk) return created.Fault;
        if (await groups.OpenAsync(pool, created.Value) is { } fault) return fault;
        // Not being served is no reason to say that the volume is not there: it is shown as its problem.
        _ = await targets.ServeAsync(pool, created.Value, chap);
        return created.Value.Status();
    }

    private async Task ServeAgainAsync(string pool, string volume)
    {
        VolumeStatus? status =
            await loop.ReadAsync(() => registry.Find(pool)?.FindVolume(volume)?.Status());
        if (status is not null) _ = await starter.ServeAsync(pool, status);
    }

    private VolumeView Describe(Pool pool, Volume volume)
    {
        VolumeStatus status = volume.Status();
        ReplicaGroup? group = groups.Find(volume);
        string iqn = Names.Target(pool.Name, volume.ShortName);
        return new VolumeView(
            status.Name,
            group?.Member.Id ?? status.Id,
            group?.Served.SizeBytes ?? status.SizeBytes,
            status.BlockSizeBytes,
            status.UsedBytes,
            status.UsedBySnapshotsBytes,
            status.ReferencedBytes,
            status.LogicalBytes,
            status.CompressionRatio,
            status.CreatedAt,
            status.State,
            status.Origin,
            [.. pool.ClonesOf(volume)],
            status.SnapshotCount,
            new SortedDictionary<string, string>(
                status.Properties.ToDictionary(property => property.Key, property => property.Value),
                StringComparer.Ordinal),
            iqn,
            targets.ProblemOf(iqn)?.ToString() ?? "",
            targets.SessionsOf(iqn).Count);
    }

    private static Fault? CheckProperties(Dictionary<string, string> properties)
    {
        foreach ((string name, string value) in properties)
        {
            if (PropertyRules.Check(name, value) is { } fault) return fault;
        }
        return null;
    }

    /// <summary>What is said of a property that was set.</summary>
    public static string Text(KeyValuePair<string, string> property) =>
        property.Value.Length == 0
            ? $"{property.Key} back to its default"
            : $"{property.Key}={property.Value}";

    [LoggerMessage(
        Level = LogLevel.Information, Message = "volume {Volume} created: {Size} bytes, blocks of {Block}")]
    private partial void Created(string volume, long size, int block);

    [LoggerMessage(Level = LogLevel.Information, Message = "{What}")]
    private partial void Changed(string what);
}
