using Cstor.Daemon.Api;
using Cstor.Engine.Host;
using Cstor.PoolLayout.Units;
using Cstor.Target.Replication;

namespace Cstor.Daemon.Replicas;

/// <summary>What is said about groups of replicas. On the loop.</summary>
internal static class GroupTexts
{
    /// <summary>How a group stands as this node knows it; all of it only where it leads.</summary>
    public static ReplicationView Describe(ReplicaGroup group)
    {
        GroupStatus status = group.Member.Status();
        return new ReplicationView(
            status.Leader,
            status.Epoch,
            status.Configuration.Witness,
            group.Member.NodeName,
            [.. status.Replicas.Select(replica => Describe(status, replica))]);
    }

    private static ReplicaView Describe(GroupStatus status, ReplicaStatus replica)
    {
        ReplicaPlace place = replica.Place;
        if (place.Node == status.Leader) return new ReplicaView(place.Node, place.Pool, "leads", "");
        string state = replica.State switch
        {
            ReplicaState.InSync => "in sync",
            ReplicaState.Replaying or ReplicaState.Comparing => "catching up",
            ReplicaState.Waiting => "waiting",
            ReplicaState.Unreachable => "away",
            ReplicaState.Dropped => "behind",
            _ => "behind",
        };
        return new ReplicaView(
            place.Node, place.Pool, place.IsJoining ? "joining" : state, DetailOf(replica));
    }

    private static string DetailOf(ReplicaStatus replica)
    {
        List<string> parts = [];
        bool isComparing = replica.State == ReplicaState.Comparing;
        if (isComparing) parts.Add(Invariant($"{replica.ComparedShare:P0} compared"));
        if (replica.Snapshot.Length > 0) parts.Add($"for the snapshot {replica.Snapshot}");
        if (replica.State == ReplicaState.Replaying && replica.EntriesBehind > 0)
            parts.Add(Invariant($"{replica.EntriesBehind} changes behind"));
        if (isComparing || replica.State == ReplicaState.Replaying)
        {
            parts.Add($"{ByteSize.Format(replica.SentBytes)} sent");
            if (replica.BytesPerSecond > 0)
                parts.Add($"{ByteSize.Format((long)replica.BytesPerSecond)}/s");
            if (replica.SecondsLeft >= 0) parts.Add(Invariant($"about {replica.SecondsLeft:0} s left"));
        }
        if (replica.MissingSnapshots.Count > 0)
            parts.Add("lacks the snapshots " + string.Join(", ", replica.MissingSnapshots));
        if (replica.Reason.Length > 0) parts.Add(replica.Reason);
        return string.Join(", ", parts);
    }

    private static string Invariant(FormattableString text) => FormattableString.Invariant(text);

    public static Fault NotReplicated(string volume) => new(
        "not-replicated", $"{volume} has no replicas on other nodes",
        $"Give it one: cstor replica add {volume} NODE/POOL");

    /// <summary>How a change that only the leader makes has ended there, if not well.</summary>
    public static Fault Unchanged(string volume, string what, IoStatus status) => status switch
    {
        IoStatus.NotLeader => new Fault(
            "leader-lost", $"the leader changed meanwhile: nobody knows whether {volume} was {what}",
            $"See: cstor volume status {volume}; and ask again"),
        _ => new Fault(
            "not-changed", $"{volume} was not {what} ({status})", $"See: cstor volume status {volume}"),
    };

    public static Fault NoLeader(string volume) => new(
        "no-leader", $"nobody leads the replicas of {volume} now",
        "Fewer than a quorum of its nodes can reach each other; see: cstor peer list");
}
