namespace Cstor.Target.Replication;

/// <summary>A group of replicas, as one of its nodes knows it.</summary>
/// <param name="Leader">Node that leads, or empty.</param>
/// <param name="Epoch">Lease epoch of the leader, else the highest that was promised.</param>
/// <param name="IsServing">This node leads and serves.</param>
/// <param name="IsRemoved">This node belongs to the group no more.</param>
/// <param name="Configuration">In force where this node leads, else the newest recorded.</param>
/// <param name="Replicas">One for each place of the configuration; only the leader knows all.</param>
public sealed record GroupStatus(
    string Leader, ulong Epoch, bool IsServing, bool IsRemoved, GroupConfiguration Configuration,
    IReadOnlyList<ReplicaStatus> Replicas)
{
    internal static GroupStatus Of(GroupMember member)
    {
        LeaderPart? leader = member.Leader;
        GroupConfiguration configuration = leader?.Configuration ?? member.Record.Configuration;
        List<ReplicaStatus> replicas = [];
        foreach (ReplicaPlace place in configuration.Places)
        {
            PeerProgress? peer = leader?.Peers.FirstOrDefault(peer => peer.Name == place.Node);
            bool isInSync = configuration.InSync.Contains(place.Node);
            replicas.Add(peer is not null
                ? ReplicaStatus.Of(member, leader!, peer, place)
                : ReplicaStatus.Of(place, isInSync ? ReplicaState.InSync : ReplicaState.Unknown));
        }

        return new GroupStatus(
            member.LeaderName, leader?.Epoch ?? member.Record.Promised, member.IsServing, member.IsRemoved,
            configuration, replicas);
    }
}
