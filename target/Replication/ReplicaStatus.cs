namespace Cstor.Target.Replication;

/// <summary>One replica of a group, as its leader sees it.</summary>
/// <param name="Place">Where it is.</param>
/// <param name="State">How it is.</param>
/// <param name="Reason">Why it is not in sync, or was not the last time; or empty.</param>
/// <param name="EntriesBehind">Changes that it has yet to acknowledge; -1 if nobody knows.</param>
/// <param name="SentBytes">Sent to catch it up, this time.</param>
/// <param name="NodesCompared">Nodes of the tree that were compared, this time.</param>
/// <param name="ComparedShare">Part of the volume that is known to be equal, 0 to 1.</param>
/// <param name="BytesPerSecond">At which it has been sent what it lacks.</param>
/// <param name="SecondsLeft">If the rest of the volume takes as long; -1 if nobody knows.</param>
/// <param name="MissingSnapshots">Names of the leader's snapshots that it has not.</param>
/// <param name="Snapshot">Which of them it is made equal to at the moment, or empty.</param>
public sealed record ReplicaStatus(
    ReplicaPlace Place, ReplicaState State, string Reason, long EntriesBehind, long SentBytes,
    long NodesCompared, double ComparedShare, double BytesPerSecond, double SecondsLeft,
    IReadOnlyList<string> MissingSnapshots, string Snapshot = "")
{
    private const double NanosecondsPerSecond = 1e9;

    /// <summary>Of a replica of which nothing is known but whether it is in sync.</summary>
    internal static ReplicaStatus Of(ReplicaPlace place, ReplicaState state) =>
        new(place, state, "", state == ReplicaState.InSync ? 0 : -1, 0, 0, 0, 0, -1, []);

    /// <summary>Of a leader's peer.</summary>
    internal static ReplicaStatus Of(GroupMember member, LeaderPart leader, PeerProgress peer,
        ReplicaPlace place)
    {
        CatchUp? catchUp = peer.CatchUp;
        ReplicaState state = StateOf(member, leader, peer);
        ulong last = leader.Window.Last;
        bool isCatchingUp = state is ReplicaState.Comparing or ReplicaState.Replaying;
        double seconds = (catchUp?.ElapsedNanoseconds ?? 1) / NanosecondsPerSecond;
        double share = state == ReplicaState.InSync ? 1 : catchUp?.Share ?? 0;
        return new ReplicaStatus(
            place, state, state == ReplicaState.InSync ? "" : peer.LastFault,
            peer.IsStreaming ? (long)(last - Math.Min(last, peer.Acknowledged)) : -1,
            catchUp?.SentBytes ?? 0, catchUp?.NodesCompared ?? 0, share,
            isCatchingUp ? catchUp!.SentBytes / seconds : 0,
            state == ReplicaState.Comparing && share > 0 ? seconds * (1 - share) / share : -1,
            MissingOf(member, peer), catchUp?.Snapshot ?? "");
    }

    private static string[] MissingOf(GroupMember member, PeerProgress peer) =>
    [
        .. member.Replica!.Snapshots.Where(snapshot => peer.MissingSnapshots.Contains(snapshot.Id))
            .Select(static snapshot => snapshot.ShortName),
    ];

    private static ReplicaState StateOf(GroupMember member, LeaderPart leader, PeerProgress peer)
    {
        if (leader.HoldsAll(peer)) return ReplicaState.InSync;
        if (peer.Fault is not null) return ReplicaState.Dropped;
        if (!member.Network.IsUp(peer.Name)) return ReplicaState.Unreachable;
        if (!peer.IsJoined || peer.IsReady || peer.CatchUp is null) return ReplicaState.Waiting;
        return peer.CatchUp.IsComparing ? ReplicaState.Comparing : ReplicaState.Replaying;
    }
}
