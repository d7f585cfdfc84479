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

/// <summary>
/// Writable volumes made of snapshots. A clone is a target of its own from the start, and who may log in is
/// as with its origin unless its own properties say otherwise: it shows the same data. Called from any
/// thread.
/// </summary>
internal sealed partial class CloneService(
    LinuxLoop loop, PoolRegistry registry, PoolStarter starter, ILogger logger)
{
    public async Task<Outcome<ActionReport>> CloneAsync(
        string pool, string volume, string snapshot, CloneRequest request)
    {
        if (Names.CheckVolume(request.Volume) is { } wrong)
        {
            return new Fault("bad-request", wrong, "Choose another name");
        }
        foreach ((string name, string value) in request.Properties)
        {
            if (PropertyRules.Check(name, value) is { } bad) return bad;
        }
        Outcome<Dictionary<string, string>> rules = await AccessOfAsync(pool, volume, snapshot);
        if (!rules.IsOk) return rules.Fault;
        Dictionary<string, string> properties = rules.Value;
        foreach ((string name, string value) in request.Properties) properties[name] = value;
        if (ChapSecrets.Read(properties) is { IsOk: false } unreadable) return unreadable.Fault;

        Outcome<VolumeStatus?> cloned =
            await loop.CallAsync(() => CloneOnLoopAsync(pool, volume, snapshot, request, properties));
        if (!cloned.IsOk) return cloned.Fault;
        string origin = $"{pool}/{volume}@{snapshot}";
        if (cloned.Value is not { } clone)
        {
            return PoolTexts.Would($"would clone {origin} as {pool}/{request.Volume}");
        }
        // Not being served is no reason to say that the volume is not there: it is shown as its problem.
        _ = await starter.ServeAsync(pool, clone);
        string line = $"volume {clone.Name} cloned from {origin}: {ByteSize.Format(clone.SizeBytes)}, "
            + $"target {Names.Target(clone.Name.Replace('/', '.'))}";
        Changed(line);
        return PoolTexts.Done(line);
    }

    public async Task<Outcome<ActionReport>> PromoteAsync(string pool, string volume, PromoteRequest request)
    {
        Outcome<ActionReport> report = await loop.CallAsync<ActionReport>(async () =>
        {
            if (registry.FindVolume(pool, volume, out Pool open, out Volume found) is { } fault) return fault;
            string origin = found.Status().Origin;
            if (origin.Length == 0)
            {
                return new Fault(
                    "not-a-clone",
                    $"{found.Name} is no clone: it depends on no other volume",
                    "Clones are those with an origin: cstor volume get POOL/VOL origin");
            }
            if (request.DryRun) return WouldPromote(open, found, origin);
            string[] before = [.. open.SnapshotsOf(found).Select(snapshot => snapshot.ShortName)];
            Outcome<Unit> promoted = await open.PromoteAsync(volume);
            if (!promoted.IsOk) return promoted.Fault;
            Snapshot[] gained =
                [.. open.SnapshotsOf(found).Where(snapshot => !before.Contains(snapshot.ShortName))];
            return PoolTexts.Done(
                $"{found.Name} is promoted; it owns {SnapshotTexts.Count(gained.Length)} of its origin",
                SnapshotTexts.Indented(gained));
        });
        if (report.IsOk && !request.DryRun) Changed(report.Value.Lines[0]);
        return report;
    }

    private static ActionReport WouldPromote(Pool pool, Volume clone, string origin)
    {
        Snapshot first = pool.Snapshots.First(snapshot => snapshot.Name == origin);
        Snapshot[] line = pool.SnapshotsOf(first.Owner);
        Snapshot[] moving = line[..(Array.IndexOf(line, first) + 1)];
        return PoolTexts.Would(
            $"would make {clone.Name} the owner of {SnapshotTexts.Count(moving.Length)}, "
                + $"and {first.Owner.Name} a clone",
            SnapshotTexts.Indented(moving));
    }

    /// <summary>The rules of who may log in to the volume that the snapshot is of.</summary>
    private Task<Outcome<Dictionary<string, string>>> AccessOfAsync(
        string pool, string volume, string snapshot) =>
        loop.CallAsync(() => ValueTask.FromResult<Outcome<Dictionary<string, string>>>(
            registry.FindSnapshot(pool, volume, snapshot, out _, out Snapshot found) is { } fault
                ? fault
                : new Dictionary<string, string>(
                    found.Owner.Status().Properties.Where(
                        property => PropertyRules.IsOfDaemon(property.Key)))));

    private async ValueTask<Outcome<VolumeStatus?>> CloneOnLoopAsync(
        string pool,
        string volume,
        string snapshot,
        CloneRequest request,
        Dictionary<string, string> properties)
    {
        if (registry.FindSnapshot(pool, volume, snapshot, out Pool open, out _) is { } fault) return fault;
        if (open.FindVolume(request.Volume) is { } existing)
        {
            return new Fault("volume-exists", $"{existing.Name} exists already", "Choose another name");
        }
        if (request.DryRun) return Outcome<VolumeStatus?>.Ok(null);
        Outcome<Volume> cloned = await open.CloneAsync(volume, snapshot, request.Volume, [.. properties]);
        return cloned.IsOk ? cloned.Value.Status() : cloned.Fault;
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "{What}")]
    private partial void Changed(string what);
}
