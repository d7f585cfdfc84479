using System.Text;
using Cstor.Engine.Host;
using Cstor.PoolLayout;

namespace Cstor.Target.Replication;

/// <summary>
/// Who belongs to the group, and which replicas acknowledgements wait for. A change is proposed by the leader
/// and is in force once a quorum of the voters that it names has recorded it, one at a time; until then
/// whatever is acknowledged waits for the old in-sync set and the new one. So any later majority knows a set
/// whose every member holds all that was acknowledged.
/// </summary>
/// <remarks>
/// Voters change one at a time, and only once this leader's own first configuration is in force: so a quorum
/// of either configuration has a voter in common with a quorum of the other. See docs/replication.md.
/// </remarks>
internal sealed class InSyncKeeper(
    GroupMember member, ulong epoch, GroupConfiguration found, PeerSet peers, Action changed)
{
    private readonly HashSet<string> _recorded = new(StringComparer.Ordinal);
    private readonly Queue<MembershipChange> _changes = [];
    private MembershipChange? _change;
    private GroupConfiguration? _proposed;
    private long _sentNanoseconds;
    private bool _isStopped;

    /// <summary>The configuration in force.</summary>
    public GroupConfiguration Current { get; private set; } = found;

    /// <summary>This leader's first configuration is in force.</summary>
    public bool IsOwn => Current.Epoch == epoch;

    /// <summary>Nothing is being changed.</summary>
    public bool IsSettled => _proposed is null && _changes.Count == 0;

    /// <summary>Bits of the peers that an acknowledgement waits for.</summary>
    public uint Awaited
    {
        get
        {
            uint mask = 0;
            IReadOnlyList<PeerProgress> all = peers.All;
            for (int i = 0; i < all.Count; i++)
            {
                PeerProgress peer = all[i];
                if (peer.IsAwaited || IsIn(Current, peer) || (_proposed is not null && IsIn(_proposed, peer)))
                    mask |= peer.Bit;
            }

            return mask;
        }
    }

    private string Self => member.Network.Name;

    private bool IsIn(GroupConfiguration configuration, PeerProgress peer) =>
        (configuration == _proposed || IsOwn) && configuration.InSync.Contains(peer.Name);

    /// <summary>The in-sync set may do without a peer: otherwise nothing is gained by giving it up.</summary>
    public bool MaySpare(PeerProgress peer)
    {
        List<string> others = Wanted(Current);
        others.Remove(peer.Name);
        return !IsOwn || others.Count >= Math.Min(member.CopiesOf(Current), Current.InSync.Count);
    }

    /// <summary>Changes who belongs to the group, after what is under way.</summary>
    public Task<Fault?> ChangeAsync(MembershipChange change)
    {
        _changes.Enqueue(change);
        Update();
        return change.Done;
    }

    /// <summary>The term has ended: whether a proposal comes into force, the next leader decides.</summary>
    public void Stop(Fault fault)
    {
        _isStopped = true;
        _change?.End(fault);
        while (_changes.TryDequeue(out MembershipChange? waiting)) waiting.End(fault);
    }

    /// <summary>Proposes a change if one is due and none is under way.</summary>
    public void Update()
    {
        if (_proposed is not null || _isStopped) return;
        GroupConfiguration next = IsOwn ? NextMembers() : Current;
        List<string> wanted = Wanted(next);
        // More voters never make it larger than it was.
        if (wanted.Count < Math.Min(member.CopiesOf(next), Current.InSync.Count))
        {
            if (_change is null) return;
            wanted = [.. Current.InSync.Where(next.Replicas.Contains)];
        }

        bool isSame = wanted.Count == Current.InSync.Count && wanted.TrueForAll(Current.InSync.Contains);
        if (IsOwn && isSame && next == Current) return;
        Propose(next with { Epoch = epoch, Version = Current.Version + 1, InSync = wanted });
    }

    /// <summary>Repeats what may have been lost.</summary>
    public void OnTick()
    {
        if (member.Loop.NowNanoseconds - _sentNanoseconds > member.Timings.HeartbeatNanoseconds) Send();
        Update();
    }

    /// <summary>A voter has recorded a configuration durably.</summary>
    public void OnRecorded(string voter, ulong version)
    {
        if (peers.Find(voter) is { } peer) peer.RecordedVersion = Math.Max(peer.RecordedVersion, version);
        if (_isStopped || _proposed is null || version != _proposed.Version || !_recorded.Add(voter)) return;
        // The leader's own record is one of them, whatever the others say.
        int votes = _recorded.Count(_proposed.IsVoter);
        if (votes < member.QuorumOf(_proposed) || !_recorded.Contains(Self)) return;
        bool isOther = !_proposed.Places.SequenceEqual(Current.Places);
        Current = _proposed;
        _proposed = null;
        MembershipChange? change = _change;
        _change = null;
        ReplicationLog.Configured(
            member.Logger, member.Name, string.Join(", ", Current.InSync), epoch, Current.Version);
        if (isOther)
            ReplicationLog.Membership(member.Logger, member.Name, string.Join(", ", Current.Places));
        changed();
        change?.End(null);
        Send();
        Update();
    }

    // What was asked for comes first, then a replica that has caught up for the first time gets its vote.
    private GroupConfiguration NextMembers()
    {
        while (_changes.TryDequeue(out MembershipChange? asked))
        {
            Outcome<GroupConfiguration> next = asked.Apply(Current with { InSync = Wanted(Current) });
            if (next.IsOk)
            {
                _change = asked;
                return next.Value;
            }

            asked.End(next.Fault);
        }

        foreach (PeerProgress peer in peers.All)
            if (peer.IsReady && Current.PlaceOf(peer.Name) is { IsJoining: true })
                return Current.WithVoter(peer.Name);
        return Current;
    }

    private List<string> Wanted(GroupConfiguration next)
    {
        List<string> wanted = [Self];
        foreach (PeerProgress peer in peers.All)
        {
            bool isTrusted =
                peer.IsReady || (IsOwn && peer.Fault is null && Current.InSync.Contains(peer.Name));
            if (isTrusted && next.PlaceOf(peer.Name) is { IsJoining: false }) wanted.Add(peer.Name);
        }

        return wanted;
    }

    private void Propose(GroupConfiguration proposed)
    {
        Check.That(proposed.VotersApart(Current) <= (IsOwn ? 1 : 0) && proposed.IsNewerThan(Current));
        _proposed = proposed;
        peers.Expect(proposed.Witness);
        _recorded.Clear();
        Send();
        Forward(RecordAsync(_proposed));
    }

    // To all that do not have the newest yet.
    private void Send()
    {
        if (_proposed is null && !IsOwn) return;
        GroupConfiguration newest = _proposed ?? Current;
        _sentNanoseconds = member.Loop.NowNanoseconds;
        Frame frame = new() { Kind = FrameKind.Configure, Epoch = epoch, Index = newest.Version };
        byte[]? text = null;
        foreach (PeerProgress peer in peers.All)
            if (peer.IsJoined && peer.RecordedVersion < newest.Version && newest.Has(peer.Name))
                member.Send(peer.Name, frame, text ??= Encoding.UTF8.GetBytes(newest.ToString()));
    }

    private async ValueTask RecordAsync(GroupConfiguration proposed)
    {
        IoStatus status = await member.PersistAsync(member.Record with { Configuration = proposed });
        if (status == IoStatus.Ok && _proposed == proposed && member.Leader?.Epoch == epoch)
            OnRecorded(Self, proposed.Version);
    }

    private static async void Forward(ValueTask work) => await work;
}
