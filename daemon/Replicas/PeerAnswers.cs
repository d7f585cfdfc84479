using Cstor.Daemon.Api;
using Cstor.Daemon.Service;
using Cstor.Daemon.Vocabulary;
using Cstor.Engine.Host;
using Cstor.Engine.Host.Linux;
using Cstor.Engine.Pools;
using Cstor.Engine.Replicas;
using Cstor.Engine.Volumes;
using Cstor.PoolLayout;
using Cstor.Target.Replication;
using Microsoft.Extensions.Logging;

namespace Cstor.Daemon.Replicas;

/// <summary>
/// What this node does for its peers: makes and destroys replicas, votes, and answers for the groups that it
/// leads. All or nothing: a request that is refused has changed nothing. Called from any thread.
/// </summary>
internal sealed partial class PeerAnswers(
    LinuxLoop loop, PoolRegistry registry, ReplicaGroups groups, VolumeTargets targets, PoolStarter starter,
    GroupAdministration administration, ILogger logger)
{
    public async Task<PeerReply> AnswerAsync(PeerRequest request) => request.Action switch
    {
        PeerActions.Make => Reply(await MakeAsync(request)),
        PeerActions.Drop => Reply(await DropAsync(request.Group)),
        PeerActions.Witness => Reply(await BecomeWitnessAsync(request)),
        PeerActions.Status => await StatusAsync(request.Group),
        PeerActions.Hash => await HashAsync(request.Group, request.Volume),
        PeerActions.CheckSize => Reply(await CheckSizeAsync(request)),
        PeerActions.CheckProperties => Reply(await CheckPropertiesAsync(request)),
        PeerActions.DestroySnapshot => Reply(await DestroySnapshotAsync(request.Group, request.Volume)),
        _ => Reply(await administration.LeadAsync(request)),
    };

    private static PeerReply Reply(Fault? fault) => new(fault is null ? null : Problem.Of(fault));

    private static Fault Unreadable(PeerRequest request) => new(
        "bad-request", $"the record '{request.Record}' makes no sense", "Run the same version on all nodes");

    private async Task<Fault?> MakeAsync(PeerRequest request)
    {
        if (GroupRecord.Parse(request.Record) is not { } record || record.Group != request.Group)
        {
            return Unreadable(request);
        }
        Outcome<VolumeStatus> made = await loop.CallAsync<VolumeStatus>(async () =>
        {
            if (registry.Find(request.Pool) is not { } pool) return PoolTexts.NoSuchPool(request.Pool);
            if (groups.Find(request.Group) is { } known)
            {
                return new Fault(
                    "replica-exists", $"{known.Volume.Name} is a replica of that volume",
                    $"Remove it first: cstor volume destroy {known.Volume.Name}");
            }
            Outcome<Volume> volume = await pool.CreateVolumeAsync(
                request.Volume, request.SizeBytes, request.BlockSizeBytes,
                [
                    .. request.Properties ?? [],
                    new(VolumeProperties.ReplicationKey, record.ToString()),
                ]);
            if (!volume.IsOk) return volume.Fault;
            if (await groups.OpenAsync(pool, volume.Value) is { } fault) return fault;
            return volume.Value.Status();
        });
        if (!made.IsOk) return made.Fault;
        Made(made.Value.Name, request.Record);
        _ = await starter.ServeAsync(request.Pool, made.Value);
        return null;
    }

    /// <summary>A replica that is not here is as good as destroyed.</summary>
    private async Task<Fault?> DropAsync(Guid group)
    {
        Outcome<string> dropped = await loop.CallAsync<string>(async () =>
        {
            await groups.ForgetWitnessAsync(group);
            if (groups.Find(group) is not { } replica) return "";
            string name = replica.Volume.Name;
            string shortName = replica.Volume.ShortName;
            await groups.YieldAsync(replica.Volume);
            await targets.RemoveAsync(replica.Pool, shortName);
            await groups.CloseAsync(replica.Volume);
            Outcome<Unit> destroyed = await replica.Pool.DestroyVolumeAsync(shortName, withSnapshots: true);
            return destroyed.IsOk ? name : destroyed.Fault;
        });
        if (!dropped.IsOk) return dropped.Fault;
        if (dropped.Value.Length > 0) Dropped(dropped.Value);
        return null;
    }

    private async Task<Fault?> BecomeWitnessAsync(PeerRequest request)
    {
        if (GroupRecord.Parse(request.Record) is not { } record || record.Group != request.Group)
        {
            return Unreadable(request);
        }
        Outcome<Unit> voting = await loop.CallAsync<Unit>(async () =>
        {
            if (groups.Find(request.Group) is { } known)
            {
                return new Fault(
                    "replica-exists", $"{known.Volume.Name} is a replica of that volume",
                    "Name a node without one");
            }
            return await groups.BecomeWitnessAsync(record) is { } fault ? fault : Unit.Value;
        });
        return voting.Fault;
    }

    private async Task<PeerReply> HashAsync(Guid group, string snapshot)
    {
        Outcome<string> hash = await loop.CallAsync<string>(async () =>
        {
            if (groups.Find(group) is not { } replica) return NoReplica;
            (IoStatus status, Hash128 found) =
                await replica.Pool.ReplicaOf(replica.Volume).SnapshotHashAsync(snapshot);
            return status == IoStatus.Ok
                ? found.ToString()
                : new Fault(
                    "snapshot-hash", $"{replica.Volume.Name}@{snapshot} cannot be hashed ({status})",
                    "See: cstor pool status");
        });
        return hash.IsOk ? new PeerReply(Hash: hash.Value) : Reply(hash.Fault);
    }

    private async Task<Fault?> DestroySnapshotAsync(Guid group, string snapshot)
    {
        Outcome<Unit> destroyed = await loop.CallAsync<Unit>(async () => groups.Find(group) is { } replica
            ? await replica.Pool.DestroySnapshotAsync(replica.Volume.ShortName, snapshot)
            : NoReplica);
        return destroyed.Fault;
    }

    private Task<Fault?> CheckSizeAsync(PeerRequest request) => loop.ReadAsync(() =>
        groups.Find(request.Group) is { } replica
            ? replica.Pool.ReplicaOf(replica.Volume).FaultOfSize(request.SizeBytes)
            : NoReplica);

    private async Task<Fault?> CheckPropertiesAsync(PeerRequest request)
    {
        Dictionary<string, string> asked = request.Properties ?? [];
        foreach ((string name, string value) in asked)
        {
            if (PropertyRules.Check(name, value) is { } wrong) return wrong;
        }
        Outcome<Dictionary<string, string>> after = await loop.CallAsync(
            () => ValueTask.FromResult(PropertiesAfter(request.Group, asked)));
        return after.IsOk && asked.Keys.Any(PropertyRules.IsOfDaemon)
            ? ChapSecrets.Read(after.Value).Fault
            : after.Fault;
    }

    private Outcome<Dictionary<string, string>> PropertiesAfter(
        Guid group, Dictionary<string, string> asked)
    {
        if (groups.Find(group) is not { } known) return NoReplica;
        Replica replica = known.Pool.ReplicaOf(known.Volume);
        if (replica.FaultOfProperties([.. asked]) is { } unfit) return unfit;
        Dictionary<string, string> after = new(replica.Properties);
        foreach ((string name, string value) in asked) after[name] = value;
        return after;
    }

    private static Fault NoReplica => new("no-such-group", "there is no replica of that volume here", "");

    private async Task<PeerReply> StatusAsync(Guid group)
    {
        ReplicationView? view = await loop.ReadAsync(
            () => groups.Find(group) is { } known ? GroupTexts.Describe(known) : null);
        return view is null
            ? Reply(NoReplica)
            : new PeerReply(null, view);
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "{Volume} is a replica now: {Record}")]
    private partial void Made(string volume, string record);

    [LoggerMessage(Level = LogLevel.Information, Message = "{Volume} is a replica no more and was destroyed")]
    private partial void Dropped(string volume);
}
