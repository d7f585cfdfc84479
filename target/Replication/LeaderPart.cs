using System.Runtime.CompilerServices;
using Cstor.Engine.Host;
using Cstor.Engine.Replicas;
using Cstor.Engine.Statistics;
using Cstor.PoolLayout;

namespace Cstor.Target.Replication;

/// <summary>
/// A member as it leads: numbers what initiators change, sends it to the others, and answers when every
/// replica that counts has it. Reads come from its own replica, while its lease says that nobody else can
/// have changed anything. Without enough replicas or a lease, requests wait; they fail only with the term.
/// </summary>
internal sealed class LeaderPart
{
    private readonly GroupMember _member;
    private readonly EntryApplier _applier;
    private readonly PeerSet _peers;
    private readonly PeerWatch _watch;
    private readonly EntryWindow _window;
    private readonly EntriesInFlight _inFlight = new();
    private readonly List<FlushWait> _flushes = [];
    private readonly InSyncKeeper _inSync;
    private readonly WaitQueue _wake = new();
    private bool _isHeld;

    /// <param name="member">Which leads.</param>
    /// <param name="epoch">Its term.</param>
    /// <param name="found">The newest configuration that a quorum knows.</param>
    /// <param name="handedOver">
    /// Where the leader before ended in its favour: who has come so far and no further is as this one.
    /// </param>
    public LeaderPart(
        GroupMember member, ulong epoch, GroupConfiguration found, ReplicaPosition handedOver)
    {
        _member = member;
        Epoch = epoch;
        _window = new EntryWindow(member.Network.Windows);
        HandedOver = handedOver;
        Check.That(member.Applier is not null);
        _applier = member.Applier;
        _peers = new PeerSet(member, epoch);
        _peers.Match(found, out _);
        _inSync = new InSyncKeeper(member, epoch, found, _peers, OnConfigured);
        Throttle = new Throttle(member);
        _watch = new PeerWatch(member, this, _peers, _inSync);
        Reservations = new LeaderReservations(member, this);
        Properties = new LeaderProperties(member, this);
    }

    public ulong Epoch { get; }

    public ReplicaPosition HandedOver { get; }

    /// <summary>Its first configuration is in force, so enough replicas are as this one is.</summary>
    public bool IsServing { get; private set; }

    public bool IsStopped { get; private set; }

    public GroupConfiguration Configuration => _inSync.Current;

    public IReadOnlyList<PeerProgress> Peers => _peers.All;

    /// <summary>Nothing is under way, neither of initiators nor in the configuration.</summary>
    public bool IsQuiet => _inFlight.Count == 0 && _flushes.Count == 0 && _inSync.IsSettled;

    /// <summary>No change of the configuration is under way.</summary>
    public bool IsSettled => _inSync.IsSettled;

    internal EntryWindow Window => _window;

    internal PeerWatch Watch => _watch;

    internal LeaderReservations Reservations { get; }

    internal LeaderProperties Properties { get; }

    /// <summary>No change of a range begins while its gate is closed.</summary>
    internal RangeGates Gates { get; } = new();

    /// <summary>Of all that are being caught up.</summary>
    internal Throttle Throttle { get; }

    /// <summary>Of the volume once all that was begun has taken effect.</summary>
    public long SizeBytes { get; private set; }

    /// <summary>Nobody else can have become leader and answered anything.</summary>
    public bool HasLease => Lease.IsHeld(_member, this);

    private long Now => _member.Loop.NowNanoseconds;

    public async ValueTask StartAsync()
    {
        await _applier.DrainAsync();
        if (IsStopped) return;
        // It may have told the leader before that it has what it now could not apply.
        if (_applier.Failure != IoStatus.Ok)
        {
            _member.StepDown($"its own replica failed ({_applier.Failure})");
            return;
        }

        _applier.Begin(Epoch, 0, isWhole: true);
        SizeBytes = _member.Replica!.Volume.SizeBytes;
        Reservations.Start();
        Properties.Start();
        _watch.Start();
    }

    /// <summary>Ends the term: whoever waits is told, and may ask another node.</summary>
    public void Stop()
    {
        if (IsStopped) return;
        IsStopped = true;
        IsServing = false;
        _watch.Stop();
        _inSync.Stop(GroupMember.NotLeading);
        foreach (FlushWait flush in _flushes.ToArray()) flush.End(IoStatus.NotLeader);
        _flushes.Clear();
        _inFlight.End(IoStatus.NotLeader);
        _window.Dispose();
        Wake();
    }

    /// <summary>Reads what is acknowledged.</summary>
    [AsyncMethodBuilder(typeof(LoopMethodBuilder<>))]
    public async ValueTask<IoStatus> ReadAsync(long offset, IoSlice into)
    {
        if (!await WaitServingAsync()) return IoStatus.NotLeader;
        IoStatus status = await _member.Replica!.Volume.ReadAsync(offset, into);
        if (PeerRead.MayHelp(status)) status = await PeerRead.ReadAsync(_member, this, offset, into);
        return status == IoStatus.Ok ? await ConfirmAsync(offset, into.LengthBytes) : status;
    }

    /// <summary>Completes with Ok when what was read of a range may be shown.</summary>
    [AsyncMethodBuilder(typeof(LoopMethodBuilder<>))]
    public async ValueTask<IoStatus> ConfirmAsync(long offset, long length)
    {
        // It may hold what is not acknowledged yet, and would be gone with this node.
        ulong last = _window.Last;
        while (_inFlight.FindChange(offset, length, last) is { } entry)
            if (await entry.WaitAsync() == IoStatus.NotLeader)
                return IoStatus.NotLeader;
        while (!HasLease)
        {
            if (IsStopped) return IoStatus.NotLeader;
            await _wake.WaitAsync();
        }

        return IoStatus.Ok;
    }

    /// <summary>Begins a change on all replicas; its number is its place among all.</summary>
    /// <returns>Aborted and no entry if the reservations are not those any more that it came under.</returns>
    [AsyncMethodBuilder(typeof(LoopMethodBuilder<>))]
    public async ValueTask<(IoStatus Status, Entry? Entry)> BeginAsync(FrameKind kind, long offset,
        long length, ReadOnlyMemory<byte> text, IoSlice data, string? reservations)
    {
        int bytes = Math.Max(text.Length, data.LengthBytes);
        do
        {
            await _inFlight.RoomAsync(bytes);
            if (!await WaitTurnAsync(offset, length)) return (IoStatus.NotLeader, null);
        }
        while (!_inFlight.HasRoom(bytes));
        return reservations is null || reservations == _member.Reservations.Text
            ? Begin(kind, offset, length, text, data)
            : (IoStatus.Aborted, null);
    }

    /// <summary>Completes when a change of a range may begin, before anything else happens.</summary>
    /// <returns>False if the term has ended.</returns>
    [AsyncMethodBuilder(typeof(LoopMethodBuilder<>))]
    public async ValueTask<bool> WaitTurnAsync(long offset, long length)
    {
        while (await WaitChangesAsync())
        {
            if (Gates.Find(offset, length) is not { } gate) return true;
            await gate.WaitAsync();
        }

        return false;
    }

    /// <summary>A change of a range may begin now, for whoever has closed this gate.</summary>
    public bool MayBegin(long offset, long length, WaitQueue gate) =>
        IsServing && !_isHeld && Gates.Find(offset, length, gate) is null;

    /// <summary>Begins a change whose turn it is.</summary>
    public (IoStatus Status, Entry? Entry) Begin(
        FrameKind kind, long offset, long length, ReadOnlyMemory<byte> text, IoSlice data)
    {
        bool hasRange = kind is FrameKind.Write or FrameKind.Unmap;
        if (hasRange && length > SizeBytes - offset) return (IoStatus.OutOfRange, null);
        int bytes = Math.Max(text.Length, data.LengthBytes);
        IoBuffer? payload = bytes == 0 ? null : TryRent(bytes);
        if (bytes > 0 && payload is null) return (IoStatus.NoMemory, null);
        if (data.LengthBytes > 0) data.Span.CopyTo(payload!.Span);
        else if (payload is not null) text.Span.CopyTo(payload.Span);
        Entry entry = new()
        {
            Kind = kind,
            Index = _window.Last + 1,
            Offset = offset,
            Length = length,
            Payload = payload,
            PayloadBytes = bytes,
            IssuedNanoseconds = Now,
        };
        if (kind == FrameKind.Resize) SizeBytes = length;
        _window.Add(entry);
        _inFlight.Add(entry);
        IReadOnlyList<PeerProgress> peers = _peers.All;
        bool isTold = kind is FrameKind.Reservations or FrameKind.Properties;
        for (int i = 0; i < peers.Count; i++)
        {
            if (peers[i].IsStreaming) Send(peers[i], entry, entry.Index);
            else if (isTold && peers[i].IsSetBack) Send(peers[i], entry, 0);
        }

        _applier.Submit(entry);
        return (IoStatus.Ok, entry);
    }

    private IoBuffer? TryRent(int bytes)
    {
        if (_member.Loop.Buffers.TryRent(bytes) is { } buffer) return buffer;
        _member.Network.Windows.Shrink();
        return _member.Loop.Buffers.TryRent(bytes);
    }

    /// <summary>Completes when all that completed before is durable on all replicas that count.</summary>
    [AsyncMethodBuilder(typeof(LoopMethodBuilder<>))]
    public async ValueTask<IoStatus> FlushAsync()
    {
        if (!await WaitChangesAsync()) return IoStatus.NotLeader;
        FlushWait flush = new(_window.Last, Now);
        _flushes.Add(flush);
        foreach (PeerProgress peer in _peers.All)
            if (peer.IsStreaming)
                Forward(FlushPeerAsync(peer, flush.Through));
        Forward(FlushHereAsync(flush));
        return await flush.Done;
    }

    /// <summary>The entry is one of this term.</summary>
    public bool Owns(Entry entry) => _applier.Epoch == Epoch && entry.IssuedNanoseconds > 0;

    /// <summary>The leader's own replica has an entry, or failed to take it.</summary>
    public void OnApplied(Entry entry, IoStatus status)
    {
        entry.AppliedNanoseconds = Math.Max(1, Now);
        if (status != IoStatus.Ok)
        {
            // Others may hold it, and this one does not, or not all of it.
            _inFlight.Remove(entry);
            bool isAlone = _inSync.IsOwn && _inSync.Current.InSync.Count == 1;
            if (isAlone)
            {
                _applier.Excuse(entry.Index);
                SizeBytes = _member.Replica!.Volume.SizeBytes;
                Properties.Start();
                _window.Forget();
                _watch.CompareAll("what it was sent could not be applied here");
            }

            entry.End(status);
            if (!isAlone) _member.StepDown($"its own replica failed ({status})");
            return;
        }

        TryEnd(entry);
    }

    public void OnPeerChanged(string name, bool isUp) => _watch.OnPeerChanged(name, isUp);

    public void OnFrame(string name, in Frame frame, IoSlice payload)
    {
        if (_peers.Find(name) is not { } peer) return;
        switch (frame.Kind)
        {
            case FrameKind.Joined:
                _watch.OnJoined(peer, frame);
                break;
            case FrameKind.HeartbeatAnswer:
                peer.AnsweredNanoseconds = Math.Max(peer.AnsweredNanoseconds, Math.Min(Now, frame.Offset));
                Wake();
                break;
            case FrameKind.Configured:
                _inSync.OnRecorded(name, frame.Index);
                break;
            case FrameKind.Leave:
                _watch.Drop(peer, "it is being stopped");
                break;
            case FrameKind.Mend:
                Forward(_member.Mender.MendAsync(this, peer, frame.Offset));
                break;
            case FrameKind.Applied when frame.Status != 0:
                _watch.Drop(peer, $"it could not apply an entry ({(IoStatus)frame.Status})");
                break;
            case FrameKind.Applied when frame.Index > _window.Last:
                _watch.Drop(peer, "it acknowledges what it was not sent");
                break;
            case FrameKind.Applied:
                peer.Acknowledged = Math.Max(peer.Acknowledged, frame.Index);
                if (_inFlight.Find(frame.Index) is { } entry) Acknowledge(peer, entry);
                break;
            default:
                peer.OnAnswer(frame, payload.Span.ToArray());
                break;
        }
    }

    /// <summary>A peer holds all entries up to one.</summary>
    public void Acknowledge(PeerProgress peer, ulong last)
    {
        peer.Acknowledged = Math.Max(peer.Acknowledged, last);
        foreach (Entry entry in _inFlight.All)
            if (entry.Index <= last)
                Acknowledge(peer, entry);
    }

    private void Acknowledge(PeerProgress peer, Entry entry)
    {
        if ((entry.Acks & peer.Bit) == 0) peer.Answers.Add(Now - entry.IssuedNanoseconds);
        entry.Acks |= peer.Bit;
        TryEnd(entry);
    }

    /// <summary>Sends a peer one entry.</summary>
    /// <param name="peer">Which.</param>
    /// <param name="entry">What.</param>
    /// <param name="index">Its number; 0 for one that has no place among those that the peer gets.</param>
    public void Send(PeerProgress peer, Entry entry, ulong index)
    {
        Frame frame = new()
        {
            Kind = entry.Kind,
            Epoch = Epoch,
            Index = index,
            Offset = entry.Offset,
            Length = entry.Length,
        };
        _member.Send(peer.Name, frame, entry.PayloadSpan);
    }

    /// <summary>Flushes one peer; whoever waits for as much counts it.</summary>
    public async ValueTask<bool> FlushPeerAsync(PeerProgress peer, ulong through)
    {
        Answer answer = await peer.AskAsync(new Frame { Kind = FrameKind.Flush, Index = through });
        if (answer.Status == IoStatus.Closed || IsStopped) return false;
        if (!answer.IsOk)
        {
            _watch.Drop(peer, $"it could not flush ({answer.Status})");
            return false;
        }

        Acknowledge(peer, through);
        foreach (FlushWait flush in _flushes.ToArray())
        {
            if (flush.Through > through) continue;
            if ((flush.Acks & peer.Bit) == 0) peer.Answers.Add(Now - flush.IssuedNanoseconds);
            flush.Acks |= peer.Bit;
            TryEnd(flush);
        }

        return true;
    }

    /// <summary>Lets no change begin at all.</summary>
    /// <returns>False if somebody else does that already.</returns>
    public bool TryHold()
    {
        if (_isHeld || !IsServing || !_inSync.IsOwn) return false;
        _isHeld = true;
        return true;
    }

    /// <summary>What was held goes on.</summary>
    public void Release()
    {
        _isHeld = false;
        Wake();
    }

    /// <summary>A peer has every entry so far, or has it before what it is asked next.</summary>
    public bool HoldsAll(PeerProgress peer) =>
        peer is { IsReady: true, IsStreaming: true, Fault: null } && Configuration.InSync.Contains(peer.Name);

    /// <summary>Changes who belongs to the group; completes when that is in force.</summary>
    public Task<Fault?> ChangeAsync(MembershipChange change) => _inSync.ChangeAsync(change);

    /// <summary>When the oldest of what a peer has yet to acknowledge was sent to it.</summary>
    public long OldestOwedBy(PeerProgress peer)
    {
        long oldest = Math.Min(Now, _inFlight.OldestOwedBy(peer.Bit));
        foreach (FlushWait flush in _flushes)
            if ((flush.Acks & peer.Bit) == 0)
                oldest = Math.Min(oldest, flush.IssuedNanoseconds);
        return oldest;
    }

    /// <summary>Completes when something has changed that somebody may wait for.</summary>
    public Task WokenAsync() => _wake.WaitAsync();

    /// <summary>Whoever waits looks again whether it may go on.</summary>
    public void Wake() => _wake.Release();

    /// <summary>Ends what waited for those that count no more.</summary>
    public void EndWhatCan()
    {
        foreach (Entry entry in _inFlight.All) TryEnd(entry);
        foreach (FlushWait flush in _flushes.ToArray()) TryEnd(flush);
    }

    /// <summary>For people who look for what is wrong.</summary>
    public string Describe() => $"leads {Epoch} up to {_window.Last}, serves {IsServing}, lease {HasLease}, "
        + $"held {_isHeld}, in flight {_inFlight.Count}, gates {Gates.Count}, settled {IsSettled}, "
        + string.Join(", ", Peers.Select(peer => peer.Describe(Now)));

    private void OnConfigured()
    {
        if (_inSync.IsOwn && !IsServing && !IsStopped)
        {
            IsServing = true;
            Wake();
        }

        IReadOnlyList<PeerProgress> gone = _peers.Match(Configuration, out uint fresh);
        // A bit may have been another's.
        _inFlight.Forget(fresh);
        foreach (FlushWait flush in _flushes) flush.Acks &= ~fresh;
        foreach (PeerProgress peer in gone) _watch.Dismiss(peer);
        EndWhatCan();
    }

    private void TryEnd(Entry entry)
    {
        if (!IsServing || !entry.IsApplied || (~entry.Acks & _inSync.Awaited) != 0) return;
        if (!_inFlight.Remove(entry)) return;
        NoteWaitSince(entry.AppliedNanoseconds);
        entry.End(IoStatus.Ok);
    }

    private void TryEnd(FlushWait flush)
    {
        if (!IsServing || !flush.IsFlushedHere || (~flush.Acks & _inSync.Awaited) != 0) return;
        if (!_flushes.Remove(flush)) return;
        NoteWaitSince(flush.FlushedNanoseconds);
        flush.End(IoStatus.Ok);
    }

    private void NoteWaitSince(long doneHereNanoseconds)
    {
        if (_inSync.Awaited != 0)
            _member.Replica!.Volume.Times.Add(IoStage.Replicas, Now - doneHereNanoseconds);
    }

    private async ValueTask FlushHereAsync(FlushWait flush)
    {
        await _applier.WaitAsync(flush.Through);
        IoStatus status = IsStopped ? IoStatus.NotLeader : await _member.Replica!.FlushAsync();
        if (status != IoStatus.Ok)
        {
            if (_flushes.Remove(flush)) flush.End(status);
            if (!IsStopped) _member.StepDown($"its own replica cannot be flushed ({status})");
            return;
        }

        flush.FlushedNanoseconds = Math.Max(1, Now);
        TryEnd(flush);
    }

    /// <summary>Completes when a hand-over under way has ended; false if the term has.</summary>
    public async ValueTask<bool> WaitReleasedAsync()
    {
        while (_isHeld && !IsStopped) await _wake.WaitAsync();
        return !IsStopped;
    }

    /// <summary>Completes when it serves; false if the term has ended.</summary>
    [AsyncMethodBuilder(typeof(LoopMethodBuilder<>))]
    public async ValueTask<bool> WaitServingAsync()
    {
        while (!IsServing && !IsStopped) await _wake.WaitAsync();
        return !IsStopped;
    }

    [AsyncMethodBuilder(typeof(LoopMethodBuilder<>))]
    private async ValueTask<bool> WaitChangesAsync()
    {
        while ((!IsServing || _isHeld) && !IsStopped) await _wake.WaitAsync();
        return !IsStopped;
    }

    private static async void Forward(ValueTask work) => await work;

    private static async void Forward(ValueTask<bool> work) => await work;
}
