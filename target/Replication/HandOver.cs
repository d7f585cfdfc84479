using Cstor.Engine.Host;

namespace Cstor.Target.Replication;

/// <summary>
/// A leader ends its term in favour of one that follows: it begins no more changes, waits until all that it
/// began are everywhere, and says to the other where that was. What the term has acknowledged and what the
/// replicas hold is then the same, so nothing need be compared, and nobody need wait for a lease to end.
/// </summary>
internal sealed class HandOver(GroupMember member, LeaderPart leader, string node)
{
    private const long PollNanoseconds = 200_000;

    private readonly PeerProgress? _peer = leader.Peers.FirstOrDefault(peer => peer.Name == node);
    private long _until;

    private bool IsInSync => _peer is not null && leader.HoldsAll(_peer) && leader.Peers.Contains(_peer);

    private bool IsReady => leader.IsQuiet && _peer!.RecordedVersion == leader.Configuration.Version
        && member.Applier!.Applied == leader.Window.Last;

    /// <returns>Why the other does not lead now, or null.</returns>
    public async ValueTask<Fault?> RunAsync(long patienceNanoseconds)
    {
        _until = member.Loop.NowNanoseconds + patienceNanoseconds;
        if (!IsInSync) return NotInSync();
        if (!leader.TryHold())
            return new Fault("busy", "this node does not serve, or is handing over already", "Try again");
        Task<bool> flushed = leader.FlushPeerAsync(_peer!, leader.Window.Last).AsTask();
        while (IsInSync && !leader.IsStopped && !(IsReady && flushed.IsCompleted) && !IsLate)
            await member.Loop.DelayAsync(PollNanoseconds);
        if (leader.IsStopped) return GroupMember.NotLeading;
        if (!IsInSync || !IsReady || !flushed.IsCompleted || !await flushed)
        {
            leader.Release();
            return IsInSync ? new Fault("hand-over-late", $"{node} did not come to the end of all changes in "
                + $"{patienceNanoseconds / 1_000_000} ms", "Nothing has changed; try again") : NotInSync();
        }

        member.Send(node, new Frame
        {
            Kind = FrameKind.HandOver,
            Epoch = leader.Epoch,
            Index = leader.Window.Last,
        });
        member.StepDown($"it hands over to {node}");
        while (member.LeaderName.Length == 0 && !IsLate) await member.Loop.DelayAsync(PollNanoseconds);
        return member.LeaderName == node ? null : new Fault("hand-over-failed",
            $"{node} has not taken over in time", "The replicas elect whoever can lead");
    }

    private bool IsLate => member.Loop.NowNanoseconds > _until;

    private Fault NotInSync() => new("replica-not-in-sync", $"the replica on {node} is not in sync",
        "See cstor volume status; it can lead when it has caught up");
}
