using System.Text;
using Cstor.Engine.Host;
using Cstor.Engine.Replicas;

namespace Cstor.Target.Replication;

/// <summary>
/// Sees to it that a leader's peers follow: asks them to, keeps them from promising others anything, has them
/// caught up, and gives up waiting for who is silent or fails.
/// </summary>
internal sealed class PeerWatch
{
    private readonly GroupMember _member;
    private readonly LeaderPart _leader;
    private readonly PeerSet _peers;
    private readonly InSyncKeeper _inSync;
    private readonly ILoopTimer _timer;
    private readonly HashSet<string> _dismissed = new(StringComparer.Ordinal);
    private long _beatNanoseconds;

    public PeerWatch(GroupMember member, LeaderPart leader, PeerSet peers, InSyncKeeper inSync)
    {
        _member = member;
        _leader = leader;
        _peers = peers;
        _inSync = inSync;
        _timer = member.Loop.CreateTimer(OnTick);
    }

    private long Now => _member.Loop.NowNanoseconds;

    public void Start()
    {
        foreach (PeerProgress peer in _peers.All)
            if (_member.Network.IsUp(peer.Name))
                peer.AskToFollow(Now);
        OnTick();
    }

    public void Stop()
    {
        _timer.Stop();
        foreach (PeerProgress peer in _peers.All) peer.Reset();
    }

    public void OnPeerChanged(string name, bool isUp)
    {
        if (isUp && _dismissed.Contains(name)) TellDismissed(name);
        if (_peers.Find(name) is not { } peer) return;
        if (!isUp || _member.Applier!.Epoch != _leader.Epoch)
        {
            peer.Reset();
            return;
        }

        // Whatever it was dropped for, it begins anew.
        peer.Forgive();
        peer.AskToFollow(Now);
    }

    public void OnJoined(PeerProgress peer, in Frame frame)
    {
        // An answer to an earlier question would have the peer join twice.
        if (peer.IsJoined || frame.Request != (ulong)peer.Attempt) return;
        peer.IsJoined = true;
        peer.AnsweredNanoseconds = Math.Max(peer.AnsweredNanoseconds, peer.AskedNanoseconds);
        _inSync.OnTick();
        if (peer.Bit == 0) return;
        if (frame.Level != _member.Replica!.Volume.BlockSizeBytes)
        {
            Drop(peer, "its volume has blocks of another size");
            return;
        }

        ReplicaPosition position = new((ulong)frame.Offset, (ulong)frame.Length);
        ulong? applied = null;
        if (peer.MustCompare)
        {
            peer.MustCompare = false;
        }
        else if (position.Epoch == _leader.Epoch && _leader.Window.Covers(position.Index))
        {
            applied = position.Index;
        }
        else if (position.Epoch > 0 && position == _leader.HandedOver && _leader.Window.Covers(0))
        {
            // It holds exactly what this leader began with, and perhaps some of what it gets again now.
            applied = 0;
            _member.Send(peer.Name, new Frame { Kind = FrameKind.Continue, Epoch = _leader.Epoch });
        }

        peer.Acknowledged = applied ?? 0;
        peer.CatchUp = new CatchUp(_member, _leader, peer);
        Forward(peer.CatchUp.RunAsync(applied));
    }

    /// <summary>A peer has caught up: the in-sync set may take it in.</summary>
    public void Admit(PeerProgress peer)
    {
        peer.IsReady = true;
        peer.SnapshotRounds = 0;
        ReplicationLog.CaughtUp(_member.Logger, _member.Name, peer.Name, peer.FilledBytes);
        _member.Send(peer.Name, new Frame { Kind = FrameKind.Admit, Epoch = _leader.Epoch });
        _inSync.Update();
        Forward(LookForSnapshotsAsync(peer));
    }

    /// <summary>Whoever is sent entries may hold what this replica does not.</summary>
    public void CompareAll(string reason)
    {
        foreach (PeerProgress peer in _peers.All)
        {
            if (!peer.IsStreaming) continue;
            peer.MustCompare = true;
            Drop(peer, reason);
        }
    }

    /// <summary>A peer is not waited for until it has caught up.</summary>
    public void Drop(PeerProgress peer, string reason)
    {
        if (peer.Fault is not null || _leader.IsStopped || _peers.Find(peer.Name) != peer) return;
        ReplicationLog.Dropped(_member.Logger, _member.Name, peer.Name, reason);
        peer.Drop(reason, Now);
        _inSync.Update();
        _leader.EndWhatCan();
    }

    /// <summary>A peer belongs to the group no more; it is told, now and when it comes back.</summary>
    public void Dismiss(PeerProgress peer)
    {
        peer.Reset();
        _dismissed.Add(peer.Name);
        TellDismissed(peer.Name);
    }

    // Those that come take place on both.
    private async ValueTask LookForSnapshotsAsync(PeerProgress peer)
    {
        int attempt = peer.Attempt;
        ulong last = _leader.Window.Last;
        // One that was begun is there by then, and on the peer if it takes it.
        await _member.Applier!.WaitAsync(last);
        if (_leader.IsStopped || peer.Attempt != attempt) return;
        HashSet<Guid> missing = [.. _member.Replica!.Snapshots.Select(static snapshot => snapshot.Id)];
        Answer answer = missing.Count == 0
            ? Answer.None
            : await peer.AskAsync(new Frame { Kind = FrameKind.Snapshots, Index = last });
        missing.ExceptWith(FollowerPart.SnapshotsOf(answer.Payload));
        peer.MissingSnapshots = answer.IsOk ? missing : new HashSet<Guid>();
    }

    private void TellDismissed(string name)
    {
        GroupConfiguration current = _inSync.Current;
        if (current.Has(name) || !_inSync.IsOwn) return;
        _member.Send(
            name, new Frame { Kind = FrameKind.Removed, Epoch = _leader.Epoch, Index = current.Version },
            Encoding.UTF8.GetBytes(current.ToString()));
    }

    private void OnTick()
    {
        if (_leader.IsStopped) return;
        _timer.Start(_member.Timings.HeartbeatNanoseconds / 3);
        bool isBeat = Now - _beatNanoseconds >= _member.Timings.HeartbeatNanoseconds;
        if (isBeat) _beatNanoseconds = Now;
        foreach (PeerProgress peer in _peers.All)
        {
            if (isBeat && peer.IsJoined) SendHeartbeat(peer);
            CheckAnswers(peer);
        }

        if (_leader.IsStopped) return;
        _inSync.OnTick();
        _leader.Wake();
    }

    private void SendHeartbeat(PeerProgress peer)
    {
        Frame frame = new()
        {
            Kind = FrameKind.Heartbeat,
            Epoch = _leader.Epoch,
            Offset = Now,
            Length = _member.Replica!.Volume.SizeBytes,
            Index = _member.Applier!.Applied,
        };
        _member.Send(peer.Name, frame);
    }

    private void CheckAnswers(PeerProgress peer)
    {
        long patience = _member.Timings.AnswerNanoseconds;
        if (!peer.IsJoined || peer.Fault is not null)
        {
            bool mayAsk = Now - peer.AskedNanoseconds > patience && Now - peer.DroppedNanoseconds > patience;
            if (_member.Network.IsUp(peer.Name) && mayAsk)
            {
                peer.Forgive();
                peer.AskToFollow(Now);
            }
        }

        if (peer.OwesAnswerSince(Now - _member.Timings.CatchUpNanoseconds))
            Drop(peer, "it does not catch up");
        if (peer.Fault is not null || (_inSync.Awaited & peer.Bit) == 0) return;
        // One that was just asked to follow has its time to answer, too.
        long silent = Now - Math.Max(peer.AnsweredNanoseconds, peer.AskedNanoseconds);
        long owing = Now - Math.Max(_leader.OldestOwedBy(peer), peer.AskedNanoseconds);
        if (Math.Max(silent, owing) <= patience) return;
        // One that must be waited for anyway is better left in peace, to catch up.
        if (!_inSync.MaySpare(peer)) patience = _member.Timings.CatchUpNanoseconds;
        if (silent > patience) Drop(peer, "it is not heard");
        else if (owing > patience) Drop(peer, "it owes an answer");
    }

    private static async void Forward(ValueTask work) => await work;
}
