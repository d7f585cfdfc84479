using Cstor.Engine.Host;
using Cstor.Engine.Trees;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Checksums;
using Cstor.PoolLayout.Streams;

namespace Cstor.Engine.Streams;

/// <summary>
/// Writes the records of one stream. They gather in a buffer; while a full one is on its way to the sink, the
/// next one fills.
/// </summary>
internal sealed class StreamOutput : IDisposable
{
    private const int BufferBytes = 512 * 1024;

    private readonly IStreamSink _sink;
    private readonly StreamGate _gate;
    private IoBuffer _filling;
    private IoBuffer _leaving;
    private Task<IoStatus> _underWay = Task.FromResult(IoStatus.Ok);
    private int _used;
    private ulong _sequence;
    private Hash128 _previous;
    private ulong _blocks;
    private ulong _holes;

    private StreamOutput(IoBuffer filling, IoBuffer leaving, IStreamSink sink, StreamGate gate)
    {
        _gate = gate;
        _filling = filling;
        _leaving = leaving;
        _sink = sink;
    }

    /// <summary>Bytes of all records so far.</summary>
    public long Bytes { get; private set; }

    /// <summary>Blocks that were sent.</summary>
    public ulong Blocks => _blocks;

    /// <summary>Null when there is no memory.</summary>
    public static StreamOutput? TryCreate(BufferPool buffers, IStreamSink sink, StreamGate gate)
    {
        IoBuffer? filling = buffers.TryRent(BufferBytes);
        IoBuffer? leaving = filling is null ? null : buffers.TryRent(BufferBytes);
        if (leaving is not null) return new StreamOutput(filling!, leaving, sink, gate);
        filling?.Release();
        return null;
    }

    /// <summary>The first record.</summary>
    public void Begin(StreamBegin begin)
    {
        byte[] payload = new byte[StreamBegin.Bytes];
        begin.Write(payload);
        StreamRecordHeader header = new()
        {
            Kind = StreamRecordKind.Begin,
            PayloadBytes = StreamBegin.Bytes,
            PayloadChecksum = Xxh128.Compute(payload),
        };
        Append(header, payload);
    }

    /// <summary>A block as it is stored; its bytes were verified.</summary>
    public async ValueTask<IoStatus> WriteBlockAsync(ulong block, BlockPointer pointer, IoSlice stored)
    {
        if (!HasRoomFor((int)pointer.PhysicalBytes) && await SendAsync() is var status and not IoStatus.Ok)
            return status;
        Span<byte> payload = stored.Span[..(int)pointer.PhysicalBytes];
        StreamRecordHeader header = new()
        {
            Kind = StreamRecordKind.Data,
            Block = block,
            BlockCount = 1,
            Compression = pointer.Compression,
            PayloadBytes = pointer.PhysicalBytes,
            PayloadChecksum = pointer.ChecksumKind == ChecksumKind.Xxh128
                ? pointer.Checksum
                : Xxh128.Compute(payload),
            ContentHash = pointer.ContentHash,
        };
        Append(header, payload);
        _blocks++;
        return IoStatus.Ok;
    }

    public async ValueTask<IoStatus> WriteHolesAsync(BlockRange holes)
    {
        if (!HasRoomFor(0) && await SendAsync() is var status and not IoStatus.Ok) return status;
        StreamRecordHeader header = new()
        {
            Kind = StreamRecordKind.Holes,
            Block = holes.First,
            BlockCount = holes.Count,
        };
        Append(header, []);
        _holes += holes.Count;
        return IoStatus.Ok;
    }

    /// <summary>The last record; completes when the sink has taken everything.</summary>
    public async ValueTask<IoStatus> EndAsync(Hash128 contentHash)
    {
        if (!HasRoomFor(0) && await SendAsync() is var status and not IoStatus.Ok) return status;
        StreamRecordHeader header = new()
        {
            Kind = StreamRecordKind.End,
            Block = _blocks,
            BlockCount = _holes,
            ContentHash = contentHash,
        };
        Append(header, []);
        status = await SendAsync();
        return status == IoStatus.Ok ? await SettleAsync() : status;
    }

    /// <summary>Completes when the sink uses no memory of this stream any more.</summary>
    /// <returns><see cref="IoStatus.Closed"/> when nobody reads, <see cref="IoStatus.Aborted"/> when the pool
    /// was closed meanwhile.</returns>
    public async ValueTask<IoStatus> SettleAsync()
    {
        _gate.Leave();
        IoStatus status = await _underWay;
        bool isOpen = _gate.Enter();
        return isOpen ? status : IoStatus.Aborted;
    }

    public void Dispose()
    {
        _filling.Release();
        _leaving.Release();
    }

    private bool HasRoomFor(int payloadBytes) =>
        _used + StreamRecordHeader.Bytes + payloadBytes <= BufferBytes;

    private void Append(StreamRecordHeader header, ReadOnlySpan<byte> payload)
    {
        header.Sequence = _sequence++;
        _previous = header.Seal(_filling.Span[_used..], _previous);
        _used += StreamRecordHeader.Bytes;
        payload.CopyTo(_filling.Span[_used..]);
        _used += payload.Length;
        Bytes += StreamRecordHeader.Bytes + payload.Length;
    }

    private async ValueTask<IoStatus> SendAsync()
    {
        IoStatus status = await SettleAsync();
        if (status != IoStatus.Ok) return status;
        (_filling, _leaving) = (_leaving, _filling);
        _underWay = _sink.WriteAsync(_leaving.First(_used)).AsTask();
        _used = 0;
        return IoStatus.Ok;
    }
}
