using System.Text;
using Cstor.Engine.Host;
using Cstor.Engine.Replicas;
using Cstor.PoolLayout;

namespace Cstor.Target.Replication;

/// <summary>
/// A member as it follows a leader: takes entries, says what it has applied and flushed, and lets itself be
/// compared. Nothing counts but what comes from the leader that it joined, of the epoch that it promised.
/// </summary>
internal sealed class FollowerPart(GroupMember member)
{
    /// <summary>Level of a comparison with something older, which no entries follow.</summary>
    public const int Older = 1;

    private const int UnitBytes = 512;
    private const int ViewAttempts = 3;
    private const int IdBytes = 16;
    private const int MendAttempts = 40;
    private const int MostReceiptedEntries = 256;
    private const long MostReceiptedBytes = 4L << 20;

    private readonly Hash128[] _hashes = new Hash128[ContentView.Fanout];
    private ContentView? _view;
    private (long SizeBytes, ulong Applied) _leaders;
    private ulong _joining;
    private bool _isJoined;
    private bool _isReadingHashes;
    private bool _isTold;

    /// <summary>Lease epoch of the leader that it follows.</summary>
    public ulong Epoch { get; private set; }

    /// <summary>Node that leads, or empty.</summary>
    public string LeaderName { get; private set; } = "";

    /// <summary>When, by its own clock, the leader sent the newest heartbeat that was heard.</summary>
    public long LeaderStampNanoseconds { get; private set; }

    /// <summary>
    /// Of the volume as the leader serves it, or the last one did: what the own replica has, if that has come
    /// so far. One that is behind may have had another size once, or be made what an old snapshot was.
    /// </summary>
    public long SizeBytes
    {
        get
        {
            EntryApplier applier = member.Applier!;
            bool isBehind = applier.Epoch != Epoch || !applier.IsWhole
                || applier.Applied < _leaders.Applied;
            return isBehind && _leaders.SizeBytes > 0
                ? _leaders.SizeBytes
                : member.Replica!.Volume.SizeBytes;
        }
    }

    /// <summary>The leader has said how large the volume is, since this one follows it.</summary>
    public bool IsToldSize => _isJoined && _isTold;

    /// <summary>The size is what some leader served, as far as this replica has heard.</summary>
    public bool HasSize => _leaders.SizeBytes > 0 || member.Applier!.IsWhole;

    public void OnFrame(string peer, in Frame frame, IoSlice payload)
    {
        if (frame.Kind == FrameKind.Lead)
        {
            Forward(JoinAsync(peer, frame.Epoch, frame.Request));
            return;
        }

        if (frame.Kind == FrameKind.Removed)
        {
            GroupConfiguration? current = GroupConfiguration.Parse(Encoding.UTF8.GetString(payload.Span));
            if (current is not null && !current.Has(member.Network.Name))
                Forward(member.BecomeRemovedAsync(current));
            return;
        }

        if (!_isJoined || peer != LeaderName || frame.Epoch != Epoch) return;
        switch (frame.Kind)
        {
            case FrameKind.Heartbeat:
                member.HeardLeader();
                LeaderStampNanoseconds = Math.Max(LeaderStampNanoseconds, frame.Offset);
                _leaders = (frame.Length, frame.Index);
                _isTold = true;
                Answer(frame, FrameKind.HeartbeatAnswer, IoStatus.Ok);
                break;
            case FrameKind.Configure:
                Forward(RecordAsync(frame, Encoding.UTF8.GetString(payload.Span)));
                break;
            case FrameKind.Admit:
                member.IsClean = true;
                break;
            case FrameKind.HandOver:
                member.TakeOver(peer, new ReplicaPosition(frame.Epoch, frame.Index));
                break;
            case FrameKind.Flush:
                Forward(FlushAsync(frame));
                break;
            default:
                if (member.Applier is not null) OnDataFrame(frame, payload);
                break;
        }
    }

    /// <summary>An entry from a leader has been applied, or could not be.</summary>
    public void OnApplied(Entry entry, IoStatus status)
    {
        if (entry.Kind == FrameKind.Resize && entry.Index == 0)
        {
            entry.End(status);
            return;
        }

        if (!_isJoined || member.Applier!.Epoch != Epoch) return;
        if (entry.IsReceipted && status == IoStatus.Ok) return;
        bool isFill = entry.Kind == FrameKind.Fill;
        Frame answer = new()
        {
            Kind = isFill ? FrameKind.Filled : FrameKind.Applied,
            Epoch = Epoch,
            Index = entry.Index,
            Request = entry.Request,
            Status = (byte)status,
        };
        member.Send(LeaderName, answer);
    }

    /// <summary>This member leads: the volume is as its own replica is.</summary>
    public void BecomeLeader()
    {
        Forget();
        _leaders = default;
    }

    /// <summary>Takes nothing from the leader so far; the size stays what it was.</summary>
    public void Forget()
    {
        if (member.Applier is not null && _leaders.SizeBytes > 0) _leaders.SizeBytes = SizeBytes;
        LeaderName = "";
        _isJoined = false;
        _isTold = false;
        _joining++;
        Close();
    }

    public void Close()
    {
        _view?.Close();
        _view = null;
    }

    private async ValueTask JoinAsync(string peer, ulong epoch, ulong request)
    {
        if (member.Leader is { } leader && leader.Epoch < epoch) member.StepDown($"{peer} leads");
        if (member.Leader is not null) return;
        // Who was taken out may be taken in again.
        member.IsRemoved = false;
        Forget();
        ulong joining = _joining;
        LeaderName = peer;
        LeaderStampNanoseconds = 0;
        // Its entries are numbered anew.
        _leaders.Applied = 0;
        Epoch = epoch;
        member.HeardLeader();
        if (epoch > member.Record.Promised)
            if (await member.PersistAsync(member.Record with { Promised = epoch }) != IoStatus.Ok) return;
        // What an older leader sent must have taken effect before anything of this one does.
        if (member.Applier is not null) await member.Applier.DrainAsync();
        bool isFenced = member.Record.Promised != epoch && member.PlantedFault != PlantedFault.NoFencing;
        if (joining != _joining || isFenced) return;
        _isJoined = true;
        ReplicaPosition position = member.Replica?.Position ?? ReplicaPosition.None;
        Frame joined = new()
        {
            Kind = FrameKind.Joined,
            Epoch = epoch,
            Offset = (long)position.Epoch,
            Length = (long)position.Index,
            Level = member.Replica?.Volume.BlockSizeBytes ?? 0,
            Request = request,
        };
        member.Send(peer, joined);
    }

    private async ValueTask RecordAsync(Frame frame, string text)
    {
        if (GroupConfiguration.Parse(text) is not { } configuration) return;
        bool isNewer = configuration.IsNewerThan(member.Record.Configuration);
        GroupRecord next = isNewer ? member.Record with { Configuration = configuration } : member.Record;
        if (await member.PersistAsync(next) == IoStatus.Ok && frame.Epoch == member.Record.Promised)
            Answer(frame, FrameKind.Configured, IoStatus.Ok);
    }

    private async ValueTask FlushAsync(Frame frame)
    {
        if (member.Applier is null) return;
        ulong joining = _joining;
        await member.Applier.WaitAsync(frame.Index);
        IoStatus status = member.Applier.Failure;
        if (joining != _joining) return;
        if (status == IoStatus.Ok) status = await member.Replica!.FlushAsync();
        if (joining == _joining) Answer(frame, FrameKind.Flushed, status);
    }

    private void OnDataFrame(in Frame frame, IoSlice payload)
    {
        switch (frame.Kind)
        {
            case FrameKind.Write or FrameKind.Unmap or FrameKind.Snapshot or FrameKind.Resize
                or FrameKind.Reservations or FrameKind.Properties or FrameKind.Fill:
                Take(frame, payload);
                break;
            case FrameKind.Continue:
                member.Applier!.Begin(Epoch, 0, isWhole: true);
                break;
            case FrameKind.Compare:
                // None of the entries behind this frame is known from an earlier attempt.
                member.Applier!.Begin(Epoch, frame.Index - 1, isWhole: false);
                Forward(CompareAsync(frame));
                break;
            case FrameKind.Hashes:
                Forward(HashesAsync(frame));
                break;
            case FrameKind.CompareEnd:
                Forward(EndCompareAsync(frame));
                break;
            case FrameKind.Snapshots:
                Forward(TellSnapshotsAsync(frame));
                break;
            case FrameKind.TakeSnapshot:
                Forward(TakeSnapshotAsync(frame, payload.Span.ToArray()));
                break;
            case FrameKind.Fetch:
                Forward(FetchAsync(frame));
                break;
        }
    }

    private void Take(in Frame frame, IoSlice payload)
    {
        if (frame.Index == 0 && frame.Kind is FrameKind.Reservations or FrameKind.Properties)
        {
            TakeAside(frame, payload);
            return;
        }

        EntryApplier applier = member.Applier!;
        if (applier.Epoch != Epoch) return;
        if (frame.Index > 0 && applier.IsKnown(frame.Index))
        {
            if (applier.IsApplied(frame.Index)) Answer(frame, FrameKind.Applied, IoStatus.Ok);
            return;
        }

        if (((frame.Offset | frame.Length | (long)payload.LengthBytes) & (UnitBytes - 1)) != 0
            && frame.Kind is not (FrameKind.Snapshot or FrameKind.Reservations or FrameKind.Properties))
        {
            Answer(frame, FrameKind.Applied, IoStatus.OutOfRange);
            Refuse(frame);
            return;
        }

        IoBuffer? buffer = payload.LengthBytes == 0 ? null : member.Loop.Buffers.TryRent(payload.LengthBytes);
        bool isFill = frame.Kind == FrameKind.Fill;
        if (buffer is null && frame.Kind is not (FrameKind.Unmap or FrameKind.Resize))
        {
            Answer(frame, isFill ? FrameKind.Filled : FrameKind.Applied, IoStatus.NoMemory);
            Refuse(frame);
            return;
        }

        if (buffer is not null) payload.Span.CopyTo(buffer.Span);
        if (frame.Kind == FrameKind.Reservations) member.Reservations.Take(frame, payload.Span);
        bool isReceipted = MayReceipt(frame.Kind, applier);
        if (isReceipted) Answer(frame, FrameKind.Applied, IoStatus.Ok);
        applier.Submit(new Entry
        {
            Kind = frame.Kind,
            Index = frame.Index,
            Offset = frame.Offset,
            Length = frame.Length,
            Request = frame.Request,
            Payload = buffer,
            PayloadBytes = payload.LengthBytes,
            IsReceipted = isReceipted,
        });
        buffer?.Release();
    }

    // They come again, with their place, before this replica counts.
    private void TakeAside(in Frame frame, IoSlice payload)
    {
        if (frame.Kind == FrameKind.Reservations) member.Reservations.Take(frame, payload.Span);
        else Forward(KeepPropertiesAsync(payload.Span.ToArray()));
    }

    private async ValueTask KeepPropertiesAsync(byte[] payload)
    {
        IoStatus status = await member.Properties.ApplyAsync(payload);
        if (status != IoStatus.Ok) ReplicationLog.NotKept(member.Logger, member.Name, status);
    }

    // Nothing behind an entry that was not taken is taken: sent again, it would come after what comes behind.
    private void Refuse(in Frame frame)
    {
        if (frame.Index > 0) _isJoined = false;
    }

    // What came will be applied before this replica leads, joins another leader, or calls anything flushed,
    // and until a flush nobody is promised more than a disk's cache keeps. A replica that falls behind has
    // its leader wait.
    private static bool MayReceipt(FrameKind kind, EntryApplier applier) =>
        kind is FrameKind.Write or FrameKind.Unmap
            && applier.Failure == IoStatus.Ok
            && applier.Backlog is (< MostReceiptedEntries, < MostReceiptedBytes);

    private async ValueTask CompareAsync(Frame frame)
    {
        ulong joining = _joining;
        Close();
        Entry resize = new() { Kind = FrameKind.Resize, Length = frame.Length };
        bool isOlder = frame.Level == Older;
        // It will hold less than it has acknowledged. After a restart it is not clean anyway.
        if (isOlder) member.IsClean = false;
        // Before any of the entries, which are for a volume of that size.
        if (!isOlder) member.Applier!.Submit(resize);
        // Durably nothing, before what others hold is mixed in; or what the replica has is given up.
        IoStatus status = isOlder ? IoStatus.Ok : await resize.WaitAsync();
        if (status == IoStatus.Ok) status = await member.Replica!.FlushAsync();
        if (joining != _joining) return;
        if (isOlder && status == IoStatus.Ok)
        {
            member.Applier!.Submit(resize);
            status = await resize.WaitAsync();
        }

        ContentView? view = null;
        Hash128 hash = default;
        if (status == IoStatus.Ok) (status, view) = await member.Replica!.ViewAsync();
        // What is damaged here is being asked for.
        for (int i = 0; i < MendAttempts && PeerRead.MayHelp(status) && joining == _joining; i++)
        {
            await member.Loop.DelayAsync(member.Timings.HeartbeatNanoseconds);
            if (joining == _joining) (status, view) = await member.Replica!.ViewAsync();
        }

        if (status == IoStatus.Ok) (status, hash) = await view!.RootHashAsync();
        if (joining != _joining)
        {
            view?.Close();
            return;
        }

        _view = view;
        byte[] payload = new byte[16];
        hash.Write(payload);
        Answer(frame with { Index = view?.BlockCount ?? 0 }, FrameKind.Compared, status, payload);
    }

    private async ValueTask HashesAsync(Frame frame)
    {
        ulong joining = _joining;
        if (_view is not { } view || _isReadingHashes || frame.Level < 1 || frame.Level > view.Height
            || (ulong)frame.Offset >= view.BlockCount)
        {
            Answer(frame, FrameKind.HashesAnswer, IoStatus.OutOfRange);
            return;
        }

        _isReadingHashes = true;
        IoStatus status = await view.ChildHashesAsync(frame.Level, (ulong)frame.Offset, _hashes);
        // The pool wants back what the view keeps; a later one will do as well.
        for (int i = 0; i < ViewAttempts && status == IoStatus.Aborted && joining == _joining; i++)
        {
            Close();
            (status, ContentView? later) = await member.Replica!.ViewAsync();
            if (joining != _joining) later?.Close();
            else _view = later;
            if (later is not null && later.BlockCount != view.BlockCount) status = IoStatus.OutOfRange;
            if (status == IoStatus.Ok && joining == _joining)
                status = await later!.ChildHashesAsync(frame.Level, (ulong)frame.Offset, _hashes);
        }

        _isReadingHashes = false;
        if (joining != _joining) return;
        byte[] payload = new byte[_hashes.Length * 16];
        for (int i = 0; i < _hashes.Length; i++) _hashes[i].Write(payload.AsSpan(i * 16));
        Answer(frame, FrameKind.HashesAnswer, status, payload);
    }

    private async ValueTask EndCompareAsync(Frame frame)
    {
        ulong joining = _joining;
        Close();
        await member.Applier!.WaitAsync(frame.Index);
        if (joining != _joining) return;
        member.Applier.BecomeWhole();
        Answer(frame, FrameKind.CompareEnded, member.Applier.Failure);
    }

    private async ValueTask TakeSnapshotAsync(Frame frame, byte[] payload)
    {
        ulong joining = _joining;
        Close();
        await member.Applier!.DrainAsync();
        if (joining != _joining) return;
        IoStatus status = member.Applier.Failure;
        if (status == IoStatus.Ok)
        {
            // Nothing of another leader is applied before it is taken.
            member.Applier.BeginAside();
            status = await EntryApplier.SnapshotAsync(member.Replica!, payload);
            member.Applier.EndAside();
        }

        if (joining == _joining) Answer(frame, FrameKind.SnapshotTaken, status);
    }

    private async ValueTask TellSnapshotsAsync(Frame frame)
    {
        ulong joining = _joining;
        await member.Applier!.WaitAsync(frame.Index);
        if (joining != _joining) return;
        IEnumerable<byte> ids = member.Replica!.Snapshots.Take(Frame.MaximumPayloadBytes / IdBytes)
            .SelectMany(static snapshot => snapshot.Id.ToByteArray());
        Answer(frame, FrameKind.SnapshotsAnswer, IoStatus.Ok, [.. ids]);
    }

    /// <summary>The identities in an answer.</summary>
    public static HashSet<Guid> SnapshotsOf(ReadOnlySpan<byte> payload)
    {
        HashSet<Guid> ids = [];
        for (; payload.Length >= IdBytes; payload = payload[IdBytes..]) ids.Add(new Guid(payload[..IdBytes]));
        return ids;
    }

    private async ValueTask FetchAsync(Frame frame)
    {
        ulong joining = _joining;
        await member.Applier!.WaitAsync(frame.Index);
        if (joining != _joining) return;
        bool isTaken = frame.Length is > 0 and <= Frame.MaximumPayloadBytes;
        IoBuffer? buffer = isTaken ? member.Loop.Buffers.TryRent((int)frame.Length) : null;
        IoStatus status = isTaken ? IoStatus.NoMemory : IoStatus.OutOfRange;
        if (buffer is not null)
        {
            // Where an entry has failed, what is here is not what the leader asks for.
            status = member.Applier.Failure;
            if (status == IoStatus.Ok)
                status = await member.Replica!.Volume.ReadAsync(
                    frame.Offset, buffer.First((int)frame.Length));
        }

        if (joining == _joining)
            Answer(frame, FrameKind.Fetched, status, status == IoStatus.Ok
                ? buffer!.Span[..(int)frame.Length] : default);
        buffer?.Release();
    }

    private void Answer(in Frame frame, FrameKind kind, IoStatus status, ReadOnlySpan<byte> payload = default)
    {
        Frame answer = new()
        {
            Kind = kind,
            Epoch = frame.Epoch,
            Index = frame.Index,
            Offset = frame.Offset,
            Request = frame.Request,
            Status = (byte)status,
        };
        member.Send(LeaderName, answer, payload);
    }

    private static async void Forward(ValueTask work) => await work;
}
