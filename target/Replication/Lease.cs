namespace Cstor.Target.Replication;

/// <summary>
/// How long a leader can be sure to be the only one: whoever answered its heartbeat promises nobody else
/// anything for a while, and without a quorum of promises there is no other.
/// </summary>
internal static class Lease
{
    /// <summary>A quorum has answered lately enough.</summary>
    public static bool IsHeld(GroupMember member, LeaderPart leader)
    {
        if (member.PlantedFault == PlantedFault.NoFencing) return !leader.IsStopped;
        GroupConfiguration configuration = leader.Configuration;
        long now = member.Loop.NowNanoseconds;
        Span<long> answered = stackalloc long[GroupConfiguration.MaximumReplicas + 1];
        int count = 0;
        IReadOnlyList<PeerProgress> peers = leader.Peers;
        for (int i = 0; i < peers.Count; i++)
            if (configuration.IsVoter(peers[i].Name))
                answered[count++] = peers[i].AnsweredNanoseconds;
        answered[count++] = now;
        answered = answered[..count];
        answered.Sort();
        long quorumHeard = answered[Math.Max(0, count - member.QuorumOf(configuration))];
        return !leader.IsStopped && now - quorumHeard < member.Timings.LeaseNanoseconds;
    }
}
