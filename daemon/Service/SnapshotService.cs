using Cstor.Daemon.Api;
using Cstor.Daemon.Vocabulary;
using Cstor.Engine.Host;
using Cstor.Engine.Host.Linux;
using Cstor.Engine.Pools;
using Cstor.Engine.Versions;
using Cstor.Engine.Volumes;
using Cstor.PoolLayout.Units;
using Microsoft.Extensions.Logging;

namespace Cstor.Daemon.Service;

/// <summary>Snapshots as the administrator sees them. Called from any thread.</summary>
internal sealed partial class SnapshotService(LinuxLoop loop, PoolRegistry registry, ILogger logger)
{
    public Task<Outcome<SnapshotStatus[]>> ListAsync(string? pool, string? volume) =>
        loop.CallAsync<SnapshotStatus[]>(async () =>
        {
            if (pool is not null && registry.Find(pool) is null) return PoolTexts.NoSuchPool(pool);
            if (volume is not null && registry.FindVolume(pool ?? "", volume, out _, out _) is { } fault)
            {
                return fault;
            }
            List<SnapshotStatus> all = [];
            foreach (Pool open in registry.Pools.OrderBy(open => open.Name, StringComparer.Ordinal).ToArray())
            {
                if (pool is not null && !ReferenceEquals(open, registry.Find(pool))) continue;
                all.AddRange(await open.SnapshotStatusAsync(volume));
            }
            return all.ToArray();
        });

    public Task<Outcome<SnapshotStatus>> GetAsync(string pool, string volume, string snapshot) =>
        loop.CallAsync<SnapshotStatus>(async () =>
        {
            Fault? fault = registry.FindSnapshot(pool, volume, snapshot, out Pool open, out Snapshot found);
            if (fault is not null) return fault;
            string name = found.Name;
            IReadOnlyList<SnapshotStatus> all = await open.SnapshotStatusAsync(volume);
            return all.FirstOrDefault(status => status.Name == name) is { } status
                ? status
                : SnapshotTexts.NoSuchSnapshot(pool, volume, snapshot);
        });

    public async Task<Outcome<ActionReport>> CreateAsync(CreateSnapshotsRequest request)
    {
        if (SnapshotNames.Check(request.Snapshot) is { } wrong) return Bad(wrong);
        if (request.Volumes.Length == 0) return Bad("no volume is named");
        if (request.Volumes.Distinct().Count() < request.Volumes.Length)
        {
            return Bad("a volume is named twice");
        }
        Outcome<string[]> taken = await loop.CallAsync<string[]>(async () =>
        {
            foreach (string volume in request.Volumes)
            {
                Fault? fault = registry.FindVolume(request.Pool, volume, out Pool pool, out _);
                if (fault is not null) return fault;
                if (pool.FindSnapshot(volume, request.Snapshot) is { } existing)
                {
                    return new Fault(
                        "snapshot-exists", $"{existing.Name} exists already", "Choose another name");
                }
            }
            string[] names =
                [.. request.Volumes.Select(volume => $"{request.Pool}/{volume}@{request.Snapshot}")];
            if (request.DryRun) return names;
            Outcome<IReadOnlyList<Snapshot>> created =
                await registry.Find(request.Pool)!.SnapshotAsync(request.Volumes, request.Snapshot);
            return created.IsOk ? names : created.Fault;
        });
        if (!taken.IsOk) return taken.Fault;
        if (request.DryRun) return Report(true, taken.Value.Select(name => $"would take snapshot {name}"));
        return Report(false, taken.Value.Select(name => $"snapshot {name} taken"));
    }

    public async Task<Outcome<ActionReport>> DestroyAsync(
        string pool, string volume, DestroySnapshotsRequest request)
    {
        Outcome<ActionReport> report = await loop.CallAsync<ActionReport>(async () =>
        {
            if (registry.FindVolume(pool, volume, out Pool open, out Volume found) is { } fault) return fault;
            Snapshot[] all = open.SnapshotsOf(found);
            string[] names = [.. all.Select(snapshot => snapshot.ShortName)];
            if (SnapshotChoice.Find(names, request.Snapshots, out SnapshotChoice choice) is { } wrong)
            {
                return new Fault(
                    "no-such-snapshot", $"{found.Name}: {wrong}", $"See: cstor snapshot list {found.Name}");
            }
            Snapshot[] chosen = [.. choice.Places.Select(place => all[place])];
            if (SnapshotTexts.FindObstacle(open, chosen) is { } obstacle) return obstacle;
            return request.DryRun
                ? await WouldDestroyAsync(open, found, choice, chosen)
                : await DestroyAsync(open, volume, chosen);
        });
        if (report.IsOk && !request.DryRun) Log(report.Value);
        return report;
    }

    public async Task<Outcome<ActionReport>> RenameAsync(
        string pool, string volume, string snapshot, RenameSnapshotRequest request)
    {
        if (SnapshotNames.Check(request.Name) is { } wrong) return Bad(wrong);
        return await ChangeAsync(
            pool,
            volume,
            snapshot,
            open => open.RenameSnapshotAsync(volume, snapshot, request.Name),
            before => $"snapshot {before} is now {pool}/{volume}@{request.Name}");
    }

    public async Task<Outcome<ActionReport>> HoldAsync(
        string pool, string volume, string snapshot, HoldRequest request)
    {
        if (SnapshotNames.CheckTag(request.Tag) is { } wrong) return Bad(wrong);
        return await ChangeAsync(
            pool,
            volume,
            snapshot,
            open => open.HoldAsync(volume, snapshot, request.Tag),
            name => $"snapshot {name} is held by {request.Tag}");
    }

    public async Task<Outcome<ActionReport>> ReleaseAsync(
        string pool, string volume, string snapshot, HoldRequest request)
    {
        if (SnapshotNames.CheckTag(request.Tag) is { } wrong) return Bad(wrong);
        return await ChangeAsync(
            pool,
            volume,
            snapshot,
            open => open.ReleaseAsync(volume, snapshot, request.Tag),
            name => $"snapshot {name} is not held by {request.Tag} any more");
    }

    /// <summary>What would come back is found by looking at the trees, run by run.</summary>
    private static async ValueTask<Outcome<ActionReport>> WouldDestroyAsync(
        Pool pool, Volume volume, SnapshotChoice choice, Snapshot[] chosen)
    {
        long reclaimable = 0;
        foreach ((string first, string last) in choice.Runs)
        {
            Outcome<long> run = await pool.ReclaimableBytesAsync(volume.ShortName, first, last);
            if (!run.IsOk) return run.Fault;
            reclaimable += run.Value;
        }
        return PoolTexts.Would(
            $"would destroy {SnapshotTexts.Count(chosen.Length)} of {volume.Name} and give back "
                + ByteSize.Format(reclaimable),
            SnapshotTexts.Indented(chosen));
    }

    private static async ValueTask<Outcome<ActionReport>> DestroyAsync(
        Pool pool, string volume, Snapshot[] chosen)
    {
        string[] lines = SnapshotTexts.Indented(chosen);
        string[] names = [.. chosen.Select(snapshot => snapshot.ShortName)];
        for (int i = 0; i < names.Length; i++)
        {
            Outcome<Unit> destroyed = await pool.DestroySnapshotAsync(volume, names[i]);
            if (destroyed.IsOk) continue;
            Fault fault = destroyed.Fault;
            return i == 0
                ? fault
                : fault with { Message = $"{fault.Message}; before it, {SnapshotTexts.Count(i)} went" };
        }
        return PoolTexts.Done(
            $"destroyed {SnapshotTexts.Count(names.Length)} of {pool.Name}/{volume}; "
                + "what only they held comes back in the background",
            lines);
    }

    private async Task<Outcome<ActionReport>> ChangeAsync(
        string pool,
        string volume,
        string snapshot,
        Func<Pool, ValueTask<Outcome<Unit>>> change,
        Func<string, string> describe)
    {
        Outcome<ActionReport> report = await loop.CallAsync<ActionReport>(async () =>
        {
            if (registry.FindSnapshot(pool, volume, snapshot, out Pool open, out Snapshot found) is { } fault)
            {
                return fault;
            }
            string name = found.Name;
            Outcome<Unit> changed = await change(open);
            return changed.IsOk ? PoolTexts.Done(describe(name)) : changed.Fault;
        });
        if (report.IsOk) Log(report.Value);
        return report;
    }

    private ActionReport Report(bool dryRun, IEnumerable<string> lines)
    {
        ActionReport report = new(dryRun, [.. lines]);
        if (!dryRun) Log(report);
        return report;
    }

    private void Log(ActionReport report)
    {
        foreach (string line in report.Lines) Changed(line);
    }

    private static Fault Bad(string reason) => new("bad-request", reason, "Correct it");

    [LoggerMessage(Level = LogLevel.Information, Message = "{What}")]
    private partial void Changed(string what);
}
