using Cstor.Engine.Host;
using Cstor.Engine.Pools;
using Cstor.Engine.Versions;
using Cstor.Engine.Volumes;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Streams;

namespace Cstor.Engine.Streams;

/// <summary>Sends snapshots of a pool and receives them. Any number of transfers at once.</summary>
public sealed class PoolStreams
{
    private readonly StreamParts _parts;
    private readonly StreamGate _gate;

    internal PoolStreams(StreamParts parts)
    {
        _parts = parts;
        _gate = new StreamGate(parts.Pool.Loop);
    }

    private PoolCore Pool => _parts.Pool;

    /// <summary>Sends a snapshot, or what it has beyond an earlier one.</summary>
    public async ValueTask<Outcome<StreamReport>> SendAsync(SendRequest request, IStreamSink sink)
    {
        Outcome<SendRange> range = Find(request);
        if (!range.IsOk) return range.Fault;
        return await UseAsync(range.Value, () => SendAsync(range.Value, request.Progress, sink));
    }

    /// <summary>How long the stream would be, about.</summary>
    public async ValueTask<Outcome<StreamReport>> EstimateAsync(SendRequest request)
    {
        Outcome<SendRange> range = Find(request);
        if (!range.IsOk) return range.Fault;
        return await UseAsync(range.Value, () => EstimateAsync(range.Value));
    }

    /// <summary>
    /// Receives a stream: a new volume, or an existing one that is what the stream goes on from. The volume
    /// takes no changes meanwhile, and after a stream that broke off until the rest of it came.
    /// </summary>
    public async ValueTask<Outcome<StreamReport>> ReceiveAsync(ReceiveRequest request, IStreamSource source)
    {
        if (_parts.Changes.Refusal() is { } refusal) return refusal;
        if (DatasetChanges.CheckName(request.Volume, "volume") is { } bad) return bad;
        using StreamInput? input = StreamInput.TryCreate(Pool.Loop.Buffers, source, _gate);
        if (input is null)
            return new Fault("no-memory", "there is no memory for a transfer now", "Try again later");
        using StreamReceiver receiver = new(_parts, _gate, request, input);
        _gate.Enter();
        Outcome<StreamReport> report = await receiver.ReceiveAsync();
        _gate.Leave();
        return report;
    }

    /// <summary>
    /// Gives up a stream that broke off: the volume is again what it was before; a new one is destroyed.
    /// </summary>
    public async ValueTask<Outcome<Unit>> AbortAsync(string volume)
    {
        Outcome<Volume> found = _parts.Changes.Volume(volume);
        if (!found.IsOk) return found.Fault;
        if (found.Value.Receiving is not { } mark)
            return new Fault("not-receiving", $"no stream into {found.Value.Name} has broken off");
        if (found.Value.IsBeingReceived)
            return new Fault("volume-busy", $"a stream is being received into {found.Value.Name}",
                "End the sender first");
        bool isNew = found.Value.Previous?.Owner != found.Value;
        if (isNew) return await _parts.Volumes.DestroyAsync(volume, withSnapshots: false);
        // From here on nothing of the stream counts, should the next step not come to its end.
        Fault? failed = await ReceivingVolume.MarkAsync(
            _parts.Changes, found.Value, mark with { Block = 0 });
        if (failed is not null) return failed;
        Outcome<Unit> back = await _parts.Snapshots.RollbackAsync(
            volume, found.Value.Previous!.ShortName, destroyNewer: false);
        if (!back.IsOk) return back;
        failed = await ReceivingVolume.MarkAsync(_parts.Changes, found.Value, null);
        return failed is null ? Unit.Value : failed;
    }

    /// <summary>Why a volume that is being received cannot be changed otherwise, or null.</summary>
    internal Fault? FaultOfReceiving(params ReadOnlySpan<string> volumes)
    {
        foreach (string volume in volumes)
            if (_parts.Changes.FindVolume(volume) is { IsReceiving: true } found)
                return new Fault("volume-receiving", $"{found.Name} is half way through a stream",
                    "Send the rest: cstor volume send --resume; or give it up: cstor volume receive --abort");
        return null;
    }

    /// <summary>Refuses everything; completes when no transfer uses the pool any more.</summary>
    internal ValueTask CloseAsync() => _gate.CloseAsync();

    // Neither snapshot is destroyed meanwhile.
    private async ValueTask<Outcome<StreamReport>> UseAsync(
        SendRange range, Func<ValueTask<Outcome<StreamReport>>> transfer)
    {
        _gate.Enter();
        range.To.Users++;
        if (range.From is not null) range.From.Users++;
        IoStatus status = await _parts.SettleAsync(range.To);
        if (status == IoStatus.Ok && range.From is not null) status = await _parts.SettleAsync(range.From);
        Outcome<StreamReport> report = status == IoStatus.Ok && !_gate.IsClosed
            ? await transfer()
            : new Fault("stream-read", $"{range.To.Name} is not in its tree yet ({status})",
                "See: cstor pool status");
        if (range.From is not null) range.From.Users--;
        range.To.Users--;
        _gate.Leave();
        return report;
    }

    private async ValueTask<Outcome<StreamReport>> SendAsync(
        SendRange range, TransferProgress progress, IStreamSink sink)
    {
        Snapshot to = range.To;
        (IoStatus status, Hash128 hash) = await _parts.ContentHashAsync(to);
        Hash128 fromHash = default;
        if (status == IoStatus.Ok && range.From is not null)
            (status, fromHash) = await _parts.ContentHashAsync(range.From);
        if (status != IoStatus.Ok)
            return new Fault("stream-read", $"the tree of {to.Name} cannot be read ({status})",
                "See: cstor pool status");
        StreamBegin begin = new()
        {
            VolumeId = to.Owner.Id,
            FromId = range.From?.Id ?? Guid.Empty,
            ToId = to.Id,
            FromContentHash = fromHash,
            SizeBytes = to.SizeBytes,
            CreatedUnixNanoseconds = to.Record.CreatedUnixNanoseconds,
            FirstBlock = range.FirstBlock,
            BlockShift = (byte)to.BlockShift,
            Compression = to.Record.Compression,
            CompressionLevel = to.Record.CompressionLevel,
            Snapshot = to.ShortName,
            Source = to.Name,
        };
        StreamSender sender = new(Pool, _gate, begin, progress);
        return await sender.SendAsync(range.OlderTree, to.Tree.Durable.Root, hash, sink);
    }

    private async ValueTask<Outcome<StreamReport>> EstimateAsync(SendRange range)
    {
        StreamEstimate estimate = new();
        TreeDifference difference = new(Pool.Loop, Pool.Trees);
        IoStatus status = await difference.WalkAsync(
            range.OlderTree, range.To.Tree.Durable.Root, range.FirstBlock, estimate);
        return status == IoStatus.Ok
            ? new StreamReport(range.To.Name, estimate.Bytes, estimate.Blocks)
            : new Fault("stream-read", $"the tree of {range.To.Name} cannot be read ({status})",
                "See: cstor pool status");
    }

    private Outcome<SendRange> Find(SendRequest request)
    {
        if (_gate.IsClosed) return new Fault("pool-closing", "the pool is being closed");
        if (FindSnapshot(request.Volume, request.Snapshot) is not { } to)
            return NoSnapshot(request.Volume, request.Snapshot);
        if (request.Resume is not null) return FindResumed(to, request.Resume);
        if (request.From is null) return new SendRange(to, null, 0);
        string fromVolume = request.FromVolume ?? request.Volume;
        if (FindSnapshot(fromVolume, request.From) is not { } from)
            return NoSnapshot(fromVolume, request.From);
        return IsBefore(from, to)
            ? new SendRange(to, from, 0)
            : new Fault("not-an-ancestor", $"{to.Name} was not made from {from.Name}",
                "Send from an older snapshot of the volume, or from its origin");
    }

    private static Outcome<SendRange> FindResumed(Snapshot to, string text)
    {
        if (ReceivingMark.Parse(text) is not { } mark)
            return new Fault("bad-resume", $"'{text}' does not say where a stream broke off",
                "Ask the receiver: cstor volume get POOL/VOL receiving");
        if (mark.ToId != to.Id)
            return new Fault("bad-resume", $"the stream that broke off was not one of {to.Name}",
                "Name the snapshot that was being sent");
        if (mark.Block > to.BlockCount)
            return new Fault("bad-resume", $"{to.Name} has no block {mark.Block}", "Ask the receiver again");
        if (mark.FromId == Guid.Empty) return new SendRange(to, null, mark.Block);
        Snapshot? from = to.Previous;
        while (from is not null && from.Id != mark.FromId) from = from.Previous;
        return from is { IsClosed: false }
            ? new SendRange(to, from, mark.Block)
            : new Fault("bad-resume", $"the snapshot from which {to.Name} was sent is gone",
                "Give it up there (cstor volume receive --abort), and send from another one");
    }

    private Snapshot? FindSnapshot(string volume, string snapshot) =>
        _parts.Changes.FindVolume(volume) is { } owner ? _parts.Changes.FindSnapshot(owner, snapshot) : null;

    private static bool IsBefore(Snapshot from, Snapshot to)
    {
        Snapshot? before = to.Previous;
        while (before is not null && before != from) before = before.Previous;
        return before is not null;
    }

    private Fault NoSnapshot(string volume, string snapshot) => new(
        "no-such-snapshot", $"there is no snapshot {Pool.Devices.PoolName}/{volume}@{snapshot}",
        "List them with: cstor snapshot list");
}
