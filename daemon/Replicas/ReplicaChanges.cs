using System.Globalization;
using Cstor.Daemon.Api;
using Cstor.Daemon.Service;
using Cstor.Daemon.Vocabulary;
using Cstor.Engine.Host;
using Cstor.Engine.Host.Linux;
using Cstor.Engine.Pools;
using Cstor.Engine.Replicas;
using Cstor.Engine.Volumes;
using Cstor.Target.Replication;

namespace Cstor.Daemon.Replicas;

/// <summary>
/// Changes of a volume's replicas while it is in use: one more, one fewer, another leader, and whether they
/// are equal. Called from any thread.
/// </summary>
internal sealed class ReplicaChanges(
    LinuxLoop loop, PoolRegistry registry, ReplicaGroups groups, PeerService peers, VolumeTargets targets,
    PoolStarter starter, PeerAnswers answers, GroupAdministration administration)
{
    private const int LeaderTries = 100;
    private static readonly TimeSpan LeaderPause = TimeSpan.FromMilliseconds(100);

    public async Task<Outcome<ActionReport>> AddAsync(
        string pool, string volume, ReplicaChangeRequest request)
    {
        string place = $"{request.Node}/{request.Pool}";
        string name = $"{pool}/{volume}";
        if (request.DryRun) return PoolTexts.Would($"would make a replica of {name} on {place}");
        if (request.Node == peers.NodeName)
        {
            return new Fault("bad-request", $"{request.Node} is this node", "Name another one");
        }
        if (await BecomeGroupAsync(pool, volume, request.Force) is { } plain) return plain;
        Outcome<(GroupRecord Record, Volume Volume)> group = await FindAsync(pool, volume);
        if (!group.IsOk) return group.Fault;
        GroupRecord record = group.Value.Record;
        if (record.Configuration.Places.Any(known => known.Node == request.Node))
        {
            return new Fault(
                "replica-exists", $"{name} has a replica on {request.Node} already",
                "See: cstor replica list " + name);
        }
        ReplicaPlace joining = new(
            request.Node, request.Pool, GroupAdministration.FreePort(record.Configuration), IsJoining: true);
        GroupRecord first = new(record.Group, 0, false, record.Configuration.ForJoining(joining));
        VolumeStatus status = await loop.ReadAsync(group.Value.Volume.Status);
        Dictionary<string, string> properties =
            status.Properties.Where(static property => PropertyRules.IsShared(property.Key)
                    || property.Key is "compression" or "checksum" or "cache").ToDictionary();
        Outcome<PeerReply> made = await peers.AskAsync(request.Node, new PeerRequest(
            PeerActions.Make, record.Group, request.Pool, volume, status.SizeBytes, status.BlockSizeBytes,
            properties, first.ToString()));
        if (!made.IsOk) return made.Fault;
        Fault? refused = await administration.ChangeAsync(
            new PeerRequest(PeerActions.Add, record.Group, request.Pool, Node: request.Node));
        if (refused is null)
        {
            return PoolTexts.Done(
                $"{name} gets a replica on {place}, which catches up now; see: cstor volume status {name}");
        }
        return await DropRefusedAsync(request.Node, record.Group, refused)
            ? refused
            : refused with { Message = $"{refused.Message}; what was made for it on {place} is left there" };
    }

    public async Task<Outcome<ActionReport>> RemoveAsync(
        string pool, string volume, ReplicaChangeRequest request)
    {
        Outcome<(GroupRecord Record, Volume Volume)> group = await FindAsync(pool, volume);
        if (!group.IsOk) return group.Fault;
        GroupRecord record = group.Value.Record;
        string name = $"{pool}/{volume}";
        if (record.Configuration.Places.All(known => known.Node != request.Node))
        {
            return new Fault(
                "no-such-replica", $"{name} has no replica on {request.Node}",
                "See: cstor replica list " + name);
        }
        if (request.DryRun) return PoolTexts.Would($"would destroy the replica of {name} on {request.Node}");
        Fault? refused = await administration.ChangeAsync(
            new PeerRequest(PeerActions.Remove, record.Group, Node: request.Node));
        if (refused is not null) return refused;
        Fault? left = await AskNodeAsync(
            request.Node, new PeerRequest(PeerActions.Drop, record.Group)) is { IsOk: false } dropped
            ? dropped.Fault
            : null;
        return left is null
            ? PoolTexts.Done($"{name} has no replica on {request.Node} any more; it was destroyed")
            : PoolTexts.Done(
                $"{name} has no replica on {request.Node} any more",
                $"  its volume is left there: {left.Message}",
                $"  destroy it there when the node is back: cstor volume destroy -f {name}");
    }

    /// <summary>
    /// Another witness, a first one, or none. The new one is ready before the old one goes; in between there
    /// is none, for some milliseconds.
    /// </summary>
    public async Task<Outcome<ActionReport>> SetWitnessAsync(string pool, string volume, string node)
    {
        Outcome<(GroupRecord Record, Volume Volume)> group = await FindAsync(pool, volume);
        if (!group.IsOk) return group.Fault;
        GroupRecord record = group.Value.Record;
        string name = $"{pool}/{volume}";
        string old = record.Configuration.Witness;
        if (node.Length > 0 && NodeNames.Check(node) is { } wrong)
        {
            return new Fault("bad-property", $"witness: {wrong}", "Name a peer");
        }
        if (node == old) return PoolTexts.Done(WitnessLine(name, node));
        if (record.Configuration.PlaceOf(node) is not null)
        {
            return new Fault(
                "bad-property", $"{node} has a replica of {name}, and votes already", "Name another node");
        }
        GroupRecord first = new(record.Group, 0, false, record.Configuration.ForWitness(node));
        Outcome<PeerReply> ready = node.Length == 0 ? new PeerReply(null) : await AskNodeAsync(
            node, new PeerRequest(PeerActions.Witness, record.Group, Record: first.ToString()));
        if (!ready.IsOk) return ready.Fault;
        PeerRequest change = new(PeerActions.SetWitness, record.Group);
        Fault? refused = old.Length > 0 ? await administration.ChangeAsync(change) : null;
        bool isOut = old.Length > 0 && refused is null;
        if (refused is null && node.Length > 0)
            refused = await administration.ChangeAsync(change with { Node = node });
        if (isOut) await DropUnnamedAsync(old, record.Group);
        if (refused is null) return PoolTexts.Done(WitnessLine(name, node));
        if (node.Length > 0) await DropRefusedAsync(node, record.Group, refused);
        return isOut ? refused with { Message = $"{name} has no witness now: {refused.Message}" } : refused;
    }

    /// <summary>Takes back what a node was made ready for, if the leader has refused it for good.</summary>
    /// <returns>False if it may be needed: a change whose end nobody knows may yet come into force.</returns>
    private async Task<bool> DropRefusedAsync(string node, Guid group, Fault refused) =>
        refused.Code is "replica-refused" or "witness-refused" or "replica-needed"
            && await DropUnnamedAsync(node, group);

    // Somebody else may have had it taken in meanwhile: it must not forget what it has promised.
    private async Task<bool> DropUnnamedAsync(string node, Guid group)
    {
        string leader = await loop.ReadAsync(() => groups.Find(group)?.Member.LeaderName ?? "");
        if (leader.Length == 0) return false;
        Outcome<PeerReply> reply = await AskNodeAsync(leader, new PeerRequest(PeerActions.Status, group));
        bool isUnnamed = reply.IsOk && reply.Value.Replication is { } view && view.Source == leader
            && view.Leader == leader && view.Witness != node
            && view.Replicas.All(replica => replica.Node != node);
        return isUnnamed && (await AskNodeAsync(node, new PeerRequest(PeerActions.Drop, group))).IsOk;
    }

    private static string WitnessLine(string name, string node) =>
        node.Length == 0 ? $"{name} has no witness" : $"{name}: {node} is the witness";

    public async Task<Outcome<ActionReport>> LeadAsync(
        string pool, string volume, ReplicaChangeRequest request)
    {
        Outcome<(GroupRecord Record, Volume Volume)> group = await FindAsync(pool, volume);
        if (!group.IsOk) return group.Fault;
        Fault? refused = await administration.ChangeAsync(
            new PeerRequest(PeerActions.Lead, group.Value.Record.Group, Node: request.Node));
        return refused is null ? PoolTexts.Done($"{request.Node} leads {pool}/{volume} now") : refused;
    }

    /// <summary>
    /// All replicas take a snapshot of the same entries; equal hashes mean equal contents, and one that
    /// differs is compared and mended. The snapshot goes when that is known.
    /// </summary>
    public async Task<Outcome<ActionReport>> VerifyAsync(string pool, string volume)
    {
        Outcome<(GroupRecord Record, Volume Volume)> group = await FindAsync(pool, volume);
        if (!group.IsOk) return group.Fault;
        Guid id = group.Value.Record.Group;
        string snapshot = string.Create(
            CultureInfo.InvariantCulture, $"verify-{Guid.NewGuid().ToString("N")[..12]}");
        GroupConfiguration before = group.Value.Record.Configuration;
        Fault? refused =
            await administration.ChangeAsync(new PeerRequest(PeerActions.Snapshot, id, Volume: snapshot));
        if (refused is not null) return refused;
        string leader = await loop.ReadAsync(() => groups.Find(id)?.Member.LeaderName ?? "");
        string[] nodes = [.. before.Places.Where(static place => !place.IsJoining)
            .Select(static place => place.Node).OrderByDescending(node => node == leader)];
        List<string> lines = [];
        string? right = null;
        int differing = 0;
        foreach (string node in nodes)
        {
            Outcome<PeerReply> reply =
                await AskNodeAsync(node, new PeerRequest(PeerActions.Hash, id, Volume: snapshot));
            if (!reply.IsOk)
            {
                lines.Add($"  {node}: not compared: {reply.Fault.Message}");
                continue;
            }
            await AskNodeAsync(node, new PeerRequest(PeerActions.DestroySnapshot, id, Volume: snapshot));
            if (node == leader) right = reply.Value.Hash;
            bool isEqual = right is null || reply.Value.Hash == right;
            lines.Add($"  {node}: {reply.Value.Hash}{(isEqual ? "" : ", which differs")}");
            if (isEqual) continue;
            differing++;
            Fault? fault = await administration.ChangeAsync(
                new PeerRequest(PeerActions.Compare, id, Node: node));
            lines.Add(fault is null
                ? $"  {node}: is being compared block by block and mended; see: cstor volume status"
                : $"  {node}: cannot be mended: {fault}");
        }
        if (right is null) return GroupTexts.NoLeader($"{pool}/{volume}");
        return PoolTexts.Done(
            differing == 0
                ? $"the replicas of {pool}/{volume} that were compared are equal"
                : $"{PoolTexts.Count(differing, "replica")} of {pool}/{volume} differed from the leader's",
            [.. lines]);
    }

    /// <summary>Asks a node, which may be this one.</summary>
    public async Task<Outcome<PeerReply>> AskNodeAsync(string node, PeerRequest request)
    {
        if (node != peers.NodeName) return await peers.AskAsync(node, request);
        PeerReply reply = await answers.AnswerAsync(request);
        return reply.Problem is { } problem ? problem.ToFault() : reply;
    }

    private Task<Outcome<(GroupRecord Record, Volume Volume)>> FindAsync(string pool, string volume) =>
        loop.CallAsync(() =>
        {
            Fault? fault = registry.FindVolume(pool, volume, out _, out Volume found);
            if (fault is not null)
                return ValueTask.FromResult<Outcome<(GroupRecord, Volume)>>(fault);
            return ValueTask.FromResult<Outcome<(GroupRecord, Volume)>>(
                groups.Find(found) is { } group
                    ? (group.Member.Record, found)
                    : GroupTexts.NotReplicated(found.Name));
        });

    /// <summary>
    /// A plain volume becomes a group of one. It keeps its identity, so initiators find the same disk; but
    /// what serves it is another object, and sessions are dropped once.
    /// </summary>
    private async Task<Fault?> BecomeGroupAsync(string pool, string volume, bool force)
    {
        if (peers.NodeName.Length == 0) return PeerService.NoPeers;
        Outcome<VolumeStatus?> changed = await loop.CallAsync<VolumeStatus?>(async () =>
        {
            if (registry.FindVolume(pool, volume, out Pool open, out Volume found) is { } fault) return fault;
            if (ReplicaGroups.IsReplica(open, found)) return Outcome<VolumeStatus?>.Ok(null);
            if (found.IsReadOnly)
            {
                return new Fault(
                    "volume-readonly", $"{found.Name} is read-only: it can have no replicas",
                    $"Make it writable: cstor volume set {found.Name} readonly=off");
            }
            if (!force && targets.FindUse(open, found) is { } busy)
            {
                return busy with { Remedy = "Insist with -f: sessions are dropped once, and come back" };
            }
            GroupRecord record = new(found.Id, 0, false, new GroupConfiguration(
                0, 1, [new ReplicaPlace(peers.NodeName, open.Name, 1)], "", [peers.NodeName]));
            await targets.RemoveAsync(open, volume);
            Replica replica = open.ReplicaOf(found);
            IoStatus saved = await replica.SaveStateAsync(record.ToString());
            return saved == IoStatus.Ok
                ? found.Status()
                : new Fault("replication", $"{found.Name} cannot keep a record of its group ({saved})",
                    "See: cstor pool status");
        });
        if (!changed.IsOk) return changed.Fault;
        if (changed.Value is not { } status) return null;
        _ = await starter.ServeAsync(pool, status);
        for (int i = 0; i < LeaderTries; i++)
        {
            bool isLed = await loop.ReadAsync(() => registry.Find(pool)?.FindVolume(volume) is { } found
                && groups.Find(found) is { Member.IsServing: true });
            if (isLed) return null;
            await Task.Delay(LeaderPause);
        }
        return GroupTexts.NoLeader($"{pool}/{volume}");
    }
}
