using System.Text;
using Cstor.Engine.Host;

namespace Cstor.Target.Replication;

/// <summary>
/// Which replicas acknowledgements wait for. A change is proposed by the leader and is in force once a quorum
/// of voters has recorded it, one at a time; until then whatever is acknowledged waits for the old set and
/// the new one. So any later majority knows a set whose every member holds all that was acknowledged.
/// </summary>
internal sealed class InSyncKeeper(
    GroupMember member, ulong epoch, GroupConfiguration found, IReadOnlyList<PeerProgress> peers,
    Action changed)
{
    private readonly HashSet<string> _recorded = new(StringComparer.Ordinal);
    private GroupConfiguration? _proposed;
    private long _sentNanoseconds;

    /// <summary>The configuration in force.</summary>
    public GroupConfiguration Current { get; private set; } = found;

    /// <summary>This leader's first configuration is in force.</summary>
    public bool IsOwn => Current.Epoch == epoch;

    /// <summary>Bits of the peers that an acknowledgement waits for.</summary>
    public uint Awaited
    {
        get
        {
            uint mask = 0;
            foreach (PeerProgress peer in peers)
                if (peer.IsAwaited || IsIn(Current, peer) || (_proposed is not null && IsIn(_proposed, peer)))
                    mask |= peer.Bit;
            return mask;
        }
    }

    private string Self => member.Network.Name;

    private bool IsIn(GroupConfiguration configuration, PeerProgress peer) =>
        (configuration == _proposed || IsOwn) && configuration.InSync.Contains(peer.Name);

    /// <summary>Proposes a change if one is due and none is under way.</summary>
    public void Update()
    {
        if (_proposed is not null) return;
        List<string> wanted = [Self];
        foreach (PeerProgress peer in peers)
            if (peer.IsReady || (IsOwn && peer.Fault is null && Current.InSync.Contains(peer.Name)))
                wanted.Add(peer.Name);
        if (wanted.Count < Current.MinimumCopies) return;
        bool isSame = wanted.Count == Current.InSync.Count && wanted.TrueForAll(Current.InSync.Contains);
        if (IsOwn && isSame) return;
        _proposed = Current with { Epoch = epoch, Version = Current.Version + 1, InSync = wanted };
        _recorded.Clear();
        Send();
        Forward(RecordAsync(_proposed));
    }

    /// <summary>Repeats a proposal that may have been lost.</summary>
    public void OnTick()
    {
        if (_proposed is not null
            && member.Loop.NowNanoseconds - _sentNanoseconds > member.Timings.HeartbeatNanoseconds)
            Send();
        Update();
    }

    /// <summary>A voter has recorded a configuration durably.</summary>
    public void OnRecorded(string voter, ulong version)
    {
        if (_proposed is null || version != _proposed.Version || !_recorded.Add(voter)) return;
        // The leader's own record is one of them, whatever the others say.
        int quorum = member.PlantedFault == PlantedFault.QuorumOfOne ? 1 : _proposed.Quorum;
        if (_recorded.Count < quorum || !_recorded.Contains(Self)) return;
        Current = _proposed;
        _proposed = null;
        ReplicationLog.Configured(
            member.Logger, member.Name, string.Join(", ", Current.InSync), epoch, Current.Version);
        changed();
        Update();
    }

    private void Send()
    {
        _sentNanoseconds = member.Loop.NowNanoseconds;
        Frame frame = new() { Kind = FrameKind.Configure, Epoch = epoch, Index = _proposed!.Version };
        byte[] text = Encoding.UTF8.GetBytes(_proposed.ToString());
        foreach (PeerProgress peer in peers)
            if (peer.IsJoined && !_recorded.Contains(peer.Name))
                member.Send(peer.Name, frame, text);
    }

    private async ValueTask RecordAsync(GroupConfiguration proposed)
    {
        IoStatus status = await member.PersistAsync(member.Record with { Configuration = proposed });
        if (status == IoStatus.Ok && _proposed == proposed && member.Leader?.Epoch == epoch)
            OnRecorded(Self, proposed.Version);
    }

    private static async void Forward(ValueTask work) => await work;
}
