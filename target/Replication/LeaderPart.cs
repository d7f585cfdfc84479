using Cstor.Engine.Host;
using Cstor.Engine.Volumes;
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
    private readonly List<PeerProgress> _peers = [];
    private readonly EntryWindow _window = new();
    private readonly HashSet<Entry> _inFlight = [];
    private readonly List<FlushWait> _flushes = [];
    private readonly List<(long Offset, long Length, TaskCompletionSource Opened)> _gates = [];
    private readonly InSyncKeeper _inSync;
    private readonly ILoopTimer _timer;
    private TaskCompletionSource _wake = new();
    private long _beatNanoseconds;

    public LeaderPart(GroupMember member, ulong epoch, GroupConfiguration configuration)
    {
        _member = member;
        Epoch = epoch;
        Check.That(member.Applier is not null);
        _applier = member.Applier;
        uint bit = 1;
        foreach (ReplicaPlace place in configuration.Places)
        {
            if (place.Node == member.Network.Name) continue;
            _peers.Add(new PeerProgress(member, epoch, place.Node, bit));
            bit <<= 1;
        }

        if (configuration.Witness.Length > 0)
            _peers.Add(new PeerProgress(member, epoch, configuration.Witness, bit: 0));

        _inSync = new InSyncKeeper(member, epoch, configuration, _peers, OnConfigured);
        _timer = member.Loop.CreateTimer(OnTick);
    }

    public ulong Epoch { get; }

    /// <summary>Its first configuration is in force, so enough replicas are as this one is.</summary>
    public bool IsServing { get; private set; }

    public bool IsStopped { get; private set; }

    public GroupConfiguration Configuration => _inSync.Current;

    public IReadOnlyList<PeerProgress> Peers => _peers;

    internal EntryWindow Window => _window;

    /// <summary>Nobody else can have become leader and answered anything.</summary>
    public bool HasLease
    {
        get
        {
            Span<long> answered = stackalloc long[_peers.Count + 1];
            for (int i = 0; i < _peers.Count; i++) answered[i] = _peers[i].AnsweredNanoseconds;
            answered[^1] = Now;
            answered.Sort();
            long quorumHeard = answered[answered.Length - _inSync.Current.Quorum];
            return !IsStopped && Now - quorumHeard < _member.Timings.LeaseNanoseconds;
        }
    }

    private long Now => _member.Loop.NowNanoseconds;

    public async ValueTask StartAsync()
    {
        await _applier.DrainAsync();
        if (IsStopped) return;
        _applier.Begin(Epoch, 0, isWhole: true);
        foreach (PeerProgress peer in _peers)
            if (_member.Network.IsUp(peer.Name))
                peer.AskToFollow(Now);
        OnTick();
    }

    /// <summary>Ends the term: whoever waits is told, and may ask another node.</summary>
    public void Stop()
    {
        if (IsStopped) return;
        IsStopped = true;
        IsServing = false;
        _timer.Stop();
        foreach (PeerProgress peer in _peers) peer.Reset();
        foreach (Entry entry in _inFlight.ToArray()) entry.End(IoStatus.NotLeader);
        foreach (FlushWait flush in _flushes.ToArray()) flush.End(IoStatus.NotLeader);
        _inFlight.Clear();
        _flushes.Clear();
        _window.Dispose();
        Wake();
    }

    /// <summary>Reads what is acknowledged.</summary>
    public async ValueTask<IoStatus> ReadAsync(long offset, IoSlice into)
    {
        if (!await WaitServingAsync()) return IoStatus.NotLeader;
        IoStatus status = await _member.Replica!.Volume.ReadAsync(offset, into);
        if (PeerRead.MayHelp(status)) status = await new PeerRead(_member, this).RunAsync(offset, into);
        if (status != IoStatus.Ok) return status;
        // It may hold what is not acknowledged yet, and would be gone with this node.
        foreach (Entry entry in _inFlight.ToArray())
            if (entry.Overlaps(offset, into.LengthBytes) && await entry.Done == IoStatus.NotLeader)
                return IoStatus.NotLeader;
        while (!HasLease)
        {
            if (IsStopped) return IoStatus.NotLeader;
            await _wake.Task;
        }

        return IoStatus.Ok;
    }

    /// <summary>Begins a change on all replicas; its number is its place among all.</summary>
    public async ValueTask<(IoStatus Status, Entry? Entry)> BeginAsync(
        FrameKind kind, long offset, long length, ReadOnlyMemory<byte> text, IoSlice data)
    {
        do
        {
            if (!await WaitServingAsync()) return (IoStatus.NotLeader, null);
        }
        while (await WaitGatesAsync(offset, length));

        int bytes = Math.Max(text.Length, data.LengthBytes);
        IoBuffer? payload = bytes == 0 ? null : _member.Loop.Buffers.TryRent(bytes);
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
        _window.Add(entry);
        _inFlight.Add(entry);
        foreach (PeerProgress peer in _peers)
            if (peer.IsStreaming)
                Send(peer, entry);
        _applier.Submit(entry);
        return (IoStatus.Ok, entry);
    }

    /// <summary>Completes when all that completed before is durable on all replicas that count.</summary>
    public async ValueTask<IoStatus> FlushAsync()
    {
        if (!await WaitServingAsync()) return IoStatus.NotLeader;
        FlushWait flush = new(_window.Last, Now);
        _flushes.Add(flush);
        foreach (PeerProgress peer in _peers)
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
        entry.IsApplied = true;
        if (status != IoStatus.Ok)
        {
            // Others may hold it, and this one does not, or not all of it.
            _inFlight.Remove(entry);
            bool isAlone = _inSync.IsOwn && _inSync.Current.InSync.Count == 1;
            if (isAlone)
            {
                _applier.Excuse(entry.Index);
                _window.Forget();
            }

            entry.End(status);
            if (!isAlone) _member.StepDown($"its own replica failed ({status})");
            return;
        }

        TryEnd(entry);
    }

    public void OnPeerChanged(string name, bool isUp)
    {
        if (_peers.Find(peer => peer.Name == name) is not { } peer) return;
        if (isUp && _applier.Epoch == Epoch) peer.AskToFollow(Now);
        else peer.Reset();
    }

    public void OnFrame(string name, in Frame frame, IoSlice payload)
    {
        if (_peers.Find(peer => peer.Name == name) is not { } peer) return;
        switch (frame.Kind)
        {
            case FrameKind.Joined:
                OnJoined(peer, frame);
                break;
            case FrameKind.HeartbeatAnswer:
                peer.AnsweredNanoseconds = Math.Max(peer.AnsweredNanoseconds, Math.Min(Now, frame.Offset));
                Wake();
                break;
            case FrameKind.Configured:
                _inSync.OnRecorded(name, frame.Index);
                break;
            case FrameKind.Applied when frame.Status != 0:
                Drop(peer, $"it could not apply an entry ({(IoStatus)frame.Status})");
                break;
            case FrameKind.Applied:
                Acknowledge(peer, frame.Index, frame.Index);
                break;
            default:
                peer.OnAnswer(frame, payload.Span.ToArray());
                break;
        }
    }

    /// <summary>A peer holds all entries from one to another.</summary>
    public void Acknowledge(PeerProgress peer, ulong first, ulong last)
    {
        foreach (Entry entry in _inFlight.ToArray())
        {
            if (entry.Index < first || entry.Index > last) continue;
            entry.Acks |= peer.Bit;
            TryEnd(entry);
        }
    }

    /// <summary>Sends a peer one entry.</summary>
    public void Send(PeerProgress peer, Entry entry)
    {
        Frame frame = new()
        {
            Kind = entry.Kind,
            Epoch = Epoch,
            Index = entry.Index,
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
            Drop(peer, $"it could not flush ({answer.Status})");
            return false;
        }

        Acknowledge(peer, 0, through);
        foreach (FlushWait flush in _flushes.ToArray())
        {
            if (flush.Through > through) continue;
            flush.Acks |= peer.Bit;
            TryEnd(flush);
        }

        return true;
    }

    /// <summary>Lets no change of a range begin until it is opened.</summary>
    public TaskCompletionSource CloseGate(long offset, long length)
    {
        TaskCompletionSource opened = new();
        _gates.Add((offset, length, opened));
        return opened;
    }

    public void OpenGate(TaskCompletionSource gate)
    {
        _gates.RemoveAll(closed => closed.Opened == gate);
        gate.SetResult();
    }

    /// <summary>A peer has every entry so far, or has it before what it is asked next.</summary>
    public bool HoldsAll(PeerProgress peer) =>
        peer is { IsReady: true, IsStreaming: true, Fault: null } && Configuration.InSync.Contains(peer.Name);

    /// <summary>A peer has caught up: the in-sync set may take it in.</summary>
    public void Admit(PeerProgress peer)
    {
        peer.IsReady = true;
        ReplicationLog.CaughtUp(_member.Logger, _member.Name, peer.Name, peer.FilledBytes);
        _member.Send(peer.Name, new Frame { Kind = FrameKind.Admit, Epoch = Epoch });
        _inSync.Update();
    }

    /// <summary>A peer is not waited for until it has caught up.</summary>
    public void Drop(PeerProgress peer, string reason)
    {
        if (peer.Fault is not null || IsStopped) return;
        ReplicationLog.Dropped(_member.Logger, _member.Name, peer.Name, reason);
        peer.Drop(reason, Now);
        _inSync.Update();
        OnConfigured();
    }

    /// <summary>For people who look for what is wrong.</summary>
    public string Describe() => $"leads {Epoch} up to {_window.Last}, serves {IsServing}, lease {HasLease}, "
        + $"in flight {_inFlight.Count}, " + string.Join(", ", _peers.Select(peer => peer.Describe(Now)));

    private void OnJoined(PeerProgress peer, in Frame frame)
    {
        // An answer to an earlier question would have the peer join twice.
        if (peer.IsJoined || frame.Request != (ulong)peer.Attempt) return;
        peer.IsJoined = true;
        peer.AnsweredNanoseconds = Math.Max(peer.AnsweredNanoseconds, peer.AskedNanoseconds);
        _inSync.OnTick();
        if (peer.Bit == 0) return;
        Volume mine = _member.Replica!.Volume;
        if (frame.Level != mine.BlockSizeBytes || frame.Index != (ulong)mine.SizeBytes)
        {
            Drop(peer, "its volume is of another size");
            return;
        }

        CatchUp catchUp = new(_member, this, peer);
        bool isKnown = (ulong)frame.Offset == Epoch && _window.Covers((ulong)frame.Length);
        Forward(catchUp.RunAsync(isKnown ? (ulong)frame.Length : null));
    }

    private void OnConfigured()
    {
        if (_inSync.IsOwn && !IsServing && !IsStopped)
        {
            IsServing = true;
            Wake();
        }

        foreach (Entry entry in _inFlight.ToArray()) TryEnd(entry);
        foreach (FlushWait flush in _flushes.ToArray()) TryEnd(flush);
    }

    private void OnTick()
    {
        if (IsStopped) return;
        _timer.Start(_member.Timings.HeartbeatNanoseconds / 3);
        bool isBeat = Now - _beatNanoseconds >= _member.Timings.HeartbeatNanoseconds;
        if (isBeat) _beatNanoseconds = Now;
        foreach (PeerProgress peer in _peers)
        {
            if (isBeat && peer.IsJoined)
                _member.Send(
                    peer.Name, new Frame { Kind = FrameKind.Heartbeat, Epoch = Epoch, Offset = Now });
            CheckAnswers(peer);
        }

        _inSync.OnTick();
        Wake();
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
        if (Now - Math.Max(peer.AnsweredNanoseconds, peer.AskedNanoseconds) > patience)
        {
            Drop(peer, "it is not heard");
            return;
        }

        long oldest = Now;
        foreach (Entry entry in _inFlight)
            if ((entry.Acks & peer.Bit) == 0)
                oldest = Math.Min(oldest, entry.IssuedNanoseconds);
        foreach (FlushWait flush in _flushes)
            if ((flush.Acks & peer.Bit) == 0)
                oldest = Math.Min(oldest, flush.IssuedNanoseconds);
        if (Now - oldest > patience) Drop(peer, "it owes an answer");
    }

    private void TryEnd(Entry entry)
    {
        if (!IsServing || !entry.IsApplied || (~entry.Acks & _inSync.Awaited) != 0) return;
        if (_inFlight.Remove(entry)) entry.End(IoStatus.Ok);
    }

    private void TryEnd(FlushWait flush)
    {
        if (!IsServing || !flush.IsFlushedHere || (~flush.Acks & _inSync.Awaited) != 0) return;
        if (_flushes.Remove(flush)) flush.End(IoStatus.Ok);
    }

    private async ValueTask FlushHereAsync(FlushWait flush)
    {
        await _applier.WaitAsync(flush.Through);
        IoStatus status = IsStopped ? IoStatus.NotLeader : await _member.Replica!.FlushAsync();
        if (status != IoStatus.Ok)
        {
            if (_flushes.Remove(flush)) flush.End(status);
            _member.StepDown($"its own replica cannot be flushed ({status})");
            return;
        }

        flush.IsFlushedHere = true;
        TryEnd(flush);
    }

    private async ValueTask<bool> WaitServingAsync()
    {
        while (!IsServing && !IsStopped) await _wake.Task;
        return !IsStopped;
    }

    // True if there was one to wait for.
    private async ValueTask<bool> WaitGatesAsync(long offset, long length)
    {
        foreach ((long Offset, long Length, TaskCompletionSource Opened) gate in _gates)
        {
            if (gate.Offset >= offset + length || offset >= gate.Offset + gate.Length) continue;
            await gate.Opened.Task;
            return true;
        }

        return false;
    }

    private void Wake()
    {
        TaskCompletionSource sleeping = _wake;
        _wake = new TaskCompletionSource();
        sleeping.SetResult();
    }

    private static async void Forward(ValueTask work) => await work;

    private static async void Forward(ValueTask<bool> work) => await work;
}
