using Cstor.Daemon.Service;
using Cstor.Engine.Host;
using Cstor.Engine.Host.Linux;
using Cstor.Target.Replication;

namespace Cstor.Daemon.Replicas;

/// <summary>
/// Changes of a group, carried out on the node that leads it: an operator may ask any node, which asks that
/// one. Called from any thread.
/// </summary>
internal sealed class GroupAdministration(LinuxLoop loop, ReplicaGroups groups, PeerService peers)
{
    /// <summary>Carries out a change here if this node leads, or has the leader do it.</summary>
    public async Task<Fault?> ChangeAsync(PeerRequest request)
    {
        (string leader, string volume) = await loop.ReadAsync(() => groups.Find(request.Group) is { } group
            ? (group.Member.LeaderName, group.Volume.Name)
            : ("", request.Group.ToString()));
        if (leader.Length == 0) return GroupTexts.NoLeader(volume);
        if (leader == peers.NodeName) return await LeadAsync(request);
        Outcome<PeerReply> reply = await peers.AskAsync(leader, request);
        return reply.Fault;
    }

    /// <summary>Carries out a change that only the leader can make.</summary>
    public async Task<Fault?> LeadAsync(PeerRequest request)
    {
        Outcome<Unit> done = await loop.CallAsync<Unit>(async () =>
        {
            if (groups.Find(request.Group) is not { Member.IsServing: true } group)
                return GroupTexts.NoLeader(request.Group.ToString());
            return await LeadAsync(group, request) is { } fault ? fault : Unit.Value;
        });
        return done.Fault;
    }

    /// <summary>A port that no replica of the group has, nor had lately: initiators remember ports.</summary>
    public static ushort FreePort(GroupConfiguration configuration)
    {
        ushort highest = configuration.Places.Max(static place => place.Port);
        if (highest < ushort.MaxValue) return (ushort)(highest + 1);
        for (ushort port = 1; ; port++)
            if (configuration.Places.All(place => place.Port != port))
                return port;
    }

    private static async ValueTask<Fault?> ResizeAsync(ReplicaGroup group, PeerRequest request)
    {
        string name = group.Volume.Name;
        if (request.SizeBytes < group.Served.SizeBytes && !request.Force)
            return PoolTexts.WouldShrink(name, group.Served.SizeBytes, request.SizeBytes);
        if (group.Pool.ReplicaOf(group.Volume).FaultOfSize(request.SizeBytes) is { } unfit) return unfit;
        IoStatus status = await group.Served.ResizeAsync(request.SizeBytes, request.Force);
        return status switch
        {
            IoStatus.Ok => null,
            IoStatus.OutOfRange => new Fault(
                "volume-shrink", $"{name} has become larger meanwhile, and would shrink",
                "Look at its size again: cstor volume status " + name),
            _ => GroupTexts.Unchanged(name, "resized", status),
        };
    }

    private static async ValueTask<Fault?> LeadAsync(ReplicaGroup group, PeerRequest request)
    {
        switch (request.Action)
        {
            case PeerActions.Snapshot:
                IoStatus taken = await group.Served.SnapshotAsync(request.Volume);
                return taken == IoStatus.Ok ? null : new Fault(
                    "snapshot", $"{group.Volume.Name}@{request.Volume} was not taken ({taken})",
                    "See: cstor volume status " + group.Volume.Name);
            case PeerActions.Resize:
                return await ResizeAsync(group, request);
            case PeerActions.Set:
                IoStatus set = await group.Served.SetPropertiesAsync(request.Properties ?? []);
                return set == IoStatus.Ok ? null : GroupTexts.Unchanged(group.Volume.Name, "changed", set);
            case PeerActions.Add:
                return await group.Member.AddReplicaAsync(new ReplicaPlace(
                    request.Node, request.Pool, FreePort(group.Member.Status().Configuration),
                    IsJoining: true));
            case PeerActions.Remove:
                return await group.Member.RemoveReplicaAsync(request.Node);
            case PeerActions.SetWitness:
                return await group.Member.SetWitnessAsync(request.Node);
            case PeerActions.Lead:
                return await group.Member.HandOverAsync(request.Node);
            case PeerActions.Compare:
                return group.Member.Recompare(request.Node);
            default:
                return new Fault(
                    "bad-request", $"unknown action '{request.Action}'",
                    "Run the same version on all nodes");
        }
    }
}
