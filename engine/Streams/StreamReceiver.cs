using Cstor.Engine.Host;
using Cstor.Engine.Trees;
using Cstor.Engine.Volumes;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Streams;

namespace Cstor.Engine.Streams;

/// <summary>
/// Receives one stream into one volume. What has landed stays when the stream breaks off, and the mark says
/// how far it is; the volume becomes usable only when its content is the sender's, by the same step that
/// makes the snapshot.
/// </summary>
/// <remarks>
/// A crash leaves the mark as of some earlier moment, and every block before the one that it names: the log
/// holds the blocks' records before the mark's. Blocks that come again replace themselves.
/// </remarks>
internal sealed class StreamReceiver(
    StreamParts parts, StreamGate gate, ReceiveRequest request, StreamInput input) : IDisposable
{
    // Stream between two marks: what a crash makes the sender send again.
    private const long MarkBytes = 64L * 1024 * 1024;

    private Volume _volume = null!;
    private BlockLanding _landing = null!;
    private Func<ValueTask> _land = static () => ValueTask.CompletedTask;
    private ReceivingMark _mark;
    private ulong _next;
    private ulong _blocks;
    private ulong _holes;
    private long _bytes;
    private long _markedBytes;

    public async ValueTask<Outcome<StreamReport>> ReceiveAsync()
    {
        if (await TakeAsync() is { } broken) return broken;
        Outcome<StreamBegin> begin = Begin();
        if (!begin.IsOk) return begin.Fault;
        Outcome<Volume> prepared = await new ReceivingVolume(parts, request, begin.Value).PrepareAsync();
        if (!prepared.IsOk) return prepared.Fault;
        _volume = prepared.Value;
        _mark = _volume.Receiving!.Value;
        _next = begin.Value.FirstBlock;
        request.Progress.BlockCount = _volume.BlockCount;
        _landing = new BlockLanding(parts.Pool, _volume);
        _land = _landing.DrainAsync;
        Fault? fault = await ReceiveBlocksAsync();
        await _landing.DrainAsync();
        fault ??= FaultOfLanding();
        if (fault is null) fault = await CompleteAsync(begin.Value);
        else fault = await BreakOffAsync(fault);
        _volume.IsBeingReceived = false;
        return fault is null
            ? new StreamReport($"{_volume.Name}@{begin.Value.Snapshot}", _bytes, _blocks)
            : fault;
    }

    public void Dispose() => _landing?.Dispose();

    private Outcome<StreamBegin> Begin()
    {
        if (input.Header.Kind != StreamRecordKind.Begin) return input.Damage("it is no beginning");
        if (StreamBegin.TryRead(input.Payload.Span, out StreamBegin? begin) is { } reason)
            return input.Damage(reason);
        return StreamFeatures.FindUnknown(begin!.Features) is { } unknown
            ? new Fault("stream-feature", $"the stream needs '{unknown}', which this program does not know",
                "Use a newer program")
            : begin;
    }

    // Until the end record was taken.
    private async ValueTask<Fault?> ReceiveBlocksAsync()
    {
        while (true)
        {
            if (await TakeAsync() is { } broken) return broken;
            StreamRecordHeader header = input.Header;
            if (header.Kind == StreamRecordKind.End) return FaultOfEnd(header);
            if (header.Kind == StreamRecordKind.Begin) return input.Damage("it begins again");
            bool isBehind = header.Block >= _next && header.EndBlock <= _volume.BlockCount;
            if (!isBehind) return input.Damage($"it is about block {header.Block}");
            if (header.Kind == StreamRecordKind.Data)
            {
                if (!_landing.IsWhole(header, input.Payload.Span))
                    return input.Damage("the block is not what its hash says");
                _blocks++;
                if (header.Block >= _mark.Block) await _landing.AddAsync(header, input.Payload);
            }
            else
            {
                _holes += header.BlockCount;
                ulong first = Math.Max(header.Block, _mark.Block);
                if (first < header.EndBlock)
                    await _landing.AddHolesAsync(new BlockRange(first, header.EndBlock - first));
            }

            _next = header.EndBlock;
            request.Progress.Block = _next;
            request.Progress.Bytes = _bytes;
            if (FaultOfLanding() is { } failed) return failed;
            if (_bytes - _markedBytes >= MarkBytes && await MarkAsync() is { } unmarked) return unmarked;
        }
    }

    private async ValueTask<Fault?> TakeAsync()
    {
        Fault? damage;
        while (!input.TryTake(out damage))
        {
            if (damage is not null) return damage;
            if (await input.ReadAsync(_land)) continue;
            return gate.IsClosed
                ? new Fault("pool-closing", "the pool was closed")
                : new Fault("stream-ended", "the stream ended before its end record", "Send the rest");
        }

        _bytes += StreamRecordHeader.Bytes + input.Header.PayloadBytes;
        return null;
    }

    private Fault? FaultOfEnd(in StreamRecordHeader end) =>
        end.Block == _blocks && end.BlockCount == _holes ? null : input.Damage("it counts otherwise");

    private Fault? FaultOfLanding() => _landing.Status switch
    {
        IoStatus.Ok => null,
        IoStatus.Closed => new Fault("volume-closed", $"{_volume.Name} was closed or destroyed meanwhile"),
        IoStatus.NoSpace => new Fault("pool-full", $"there is no room for all of {_volume.Name}",
            "Make room, then send the rest"),
        IoStatus status => new Fault("stream-write", $"{_volume.Name} cannot be written ({status})",
            "See: cstor pool status"),
    };

    // All that came before the next block has landed.
    private async ValueTask<Fault?> MarkAsync()
    {
        await _landing.DrainAsync();
        if (FaultOfLanding() is { } fault) return fault;
        _markedBytes = _bytes;
        if (_next <= _mark.Block) return null;
        _mark = _mark with { Block = _next };
        return await ReceivingVolume.MarkAsync(parts.Changes, _volume, _mark);
    }

    private async ValueTask<Fault?> BreakOffAsync(Fault fault)
    {
        bool isGone = gate.IsClosed || _volume.IsClosed || parts.Changes.Refusal() is not null;
        if (!isGone && _landing.Status == IoStatus.Ok) await MarkAsync();
        return fault with
        {
            Remedy = $"The rest can be sent with: cstor volume send --resume {_mark}; "
                + $"or give it up: cstor volume receive --abort {_volume.Name}",
        };
    }

    private async ValueTask<Fault?> CompleteAsync(StreamBegin begin)
    {
        Hash128 wanted = input.Header.ContentHash;
        IoStatus status = await parts.SettleAsync(_volume);
        Hash128 hash = default;
        if (status == IoStatus.Ok && !_volume.IsClosed)
            (status, hash) = await parts.ContentHashAsync(_volume);
        if (status != IoStatus.Ok || _volume.IsClosed)
            return await BreakOffAsync(new Fault("stream-write",
                $"{_volume.Name} cannot be completed ({status})", "See: cstor pool status"));
        if (hash == wanted)
        {
            Outcome<Unit> taken = await parts.Snapshots.TakeReceivedAsync(
                _volume, begin.Snapshot, begin.ToId, begin.CreatedUnixNanoseconds);
            return taken.Fault;
        }

        _mark = _mark with { Block = 0 };
        return await ReceivingVolume.MarkAsync(parts.Changes, _volume, _mark) ?? new Fault(
            "stream-mismatch", $"what {_volume.Name} holds now is not what {begin.Source} held",
            $"Send all of it again; or give it up: cstor volume receive --abort {_volume.Name}");
    }
}
