using System.Buffers.Binary;
using Cstor.Engine.Host;
using Cstor.PoolLayout.Checksums;

namespace Cstor.Target.Iscsi;

/// <summary>
/// The receiving half of a connection: one large receive, and every PDU in it parsed before the next. A
/// data segment goes where the handler says; the part that has not arrived yet is received straight to
/// there, with the receive buffer behind it for whatever follows (one recvmsg). The buffer grows while
/// receives fill it and shrinks on a quiet connection, and where large data segments stream in little is
/// asked for beyond them, so that they are not copied.
/// </summary>
internal sealed class PduReceiver(IConnection connection, BufferShare share)
{
    private const int SmallestBufferBytes = 8 * 1024;
    private const int LargestBufferBytes = 256 * 1024;

    /// <summary>
    /// A data segment of which more than this was copied is large: better received in place.
    /// </summary>
    private const int LargeCopyBytes = 16 * 1024;

    private const int ShrinkAfterSmallReceives = 64;

    private readonly byte[] _header = new byte[PduHeader.LengthBytes];
    private IoBuffer? _buffer;
    private int _start;
    private int _end;
    private int _windowBytes = SmallestBufferBytes;
    private int _smallReceives;

    private bool _inPayload;
    private IoSlice _destination;
    private int _payloadBytes;
    private int _payloadSeen;
    private int _payloadCopied;
    private int _tailBytes;
    private int _directBytes;

    public IPduHandler? Handler { get; set; }

    public bool HeaderDigest { get; set; }

    public bool DataDigest { get; set; }

    /// <summary>Longest data segment that the peer may send, as declared to it.</summary>
    public int MaximumDataBytes { get; set; } = 8192;

    public long ReceivedBytes { get; private set; }

    /// <summary>Why parsing ended, when it was the receiver that found out.</summary>
    public string? Failure { get; private set; }

    /// <summary>Takes the first buffer; false when there is no memory for another connection.</summary>
    public bool TryOpen()
    {
        _buffer = share.TryRent(SmallestBufferBytes);
        return _buffer is not null;
    }

    public void Dispose()
    {
        if (_buffer is not null) share.Return(_buffer);
        _buffer = null;
    }

    /// <summary>Starts the next receive.</summary>
    public ValueTask<int> ReceiveAsync()
    {
        MakeRoom();
        IoSlice rest = new(_buffer!.Address + _end, Math.Min(_buffer.CapacityBytes - _end, _windowBytes));
        _directBytes = _inPayload ? Math.Max(0, _destination.LengthBytes - _payloadSeen) : 0;
        if (_directBytes == 0) return connection.ReceiveAsync(rest);
        Span<IoSlice> slices = [_destination.Slice(_payloadSeen, _directBytes), rest];
        return connection.ReceiveAsync(slices);
    }

    /// <summary>Receives and forgets: the connection ends once its last answer is out.</summary>
    public ValueTask<int> DiscardAsync()
    {
        _start = _end = 0;
        _inPayload = false;
        return connection.ReceiveAsync(_buffer!.Slice);
    }

    /// <summary>Takes what a receive brought. False ends the connection.</summary>
    public bool Accept(int receivedBytes)
    {
        ReceivedBytes += receivedBytes;
        int direct = Math.Min(receivedBytes, _directBytes);
        _payloadSeen += direct;
        int buffered = receivedBytes - direct;
        _end += buffered;
        Adapt(buffered);
        return Parse();
    }

    private bool Parse()
    {
        while (true)
        {
            if (_inPayload)
            {
                if (!TakePayload(out bool complete)) return false;
                if (!complete) return true;
            }

            int headBytes = PduHeader.LengthBytes;
            if (_end - _start < headBytes) return true;
            ReadOnlySpan<byte> arrived = _buffer!.Span[_start.._end];
            PduHeader header = new(arrived[..PduHeader.LengthBytes]);
            int ahsEnd = headBytes + header.AhsLengthBytes;
            headBytes = ahsEnd + (HeaderDigest ? 4 : 0);
            if (arrived.Length < headBytes) return true;
            if (HeaderDigest && Crc32C.Compute(arrived[..ahsEnd]) !=
                BinaryPrimitives.ReadUInt32LittleEndian(arrived[ahsEnd..]))
                return Fail("header digest mismatch");
            header.Bytes.CopyTo(_header);
            _start += headBytes;
            if (!BeginPayload()) return false;
        }
    }

    private bool BeginPayload()
    {
        PduHeader header = new(_header);
        _payloadBytes = header.DataLengthBytes;
        if (_payloadBytes > MaximumDataBytes)
            return Fail("data segment longer than MaxRecvDataSegmentLength");
        if (!Handler!.BeginPdu(header, out _destination)) return false;
        if (_payloadBytes == 0) return Handler.EndPdu(header, true);
        if (_destination.LengthBytes > _payloadBytes) _destination = _destination.Slice(0, _payloadBytes);
        _inPayload = true;
        _payloadSeen = 0;
        _payloadCopied = 0;
        _tailBytes = (-_payloadBytes & 3) + (DataDigest ? 4 : 0);
        return true;
    }

    /// <summary>Moves what the buffer holds of the data segment to its place, and checks its end.</summary>
    private bool TakePayload(out bool complete)
    {
        complete = false;
        int takeBytes = Math.Min(_end - _start, _payloadBytes - _payloadSeen);
        if (takeBytes > 0)
        {
            int keepBytes = Math.Min(takeBytes, Math.Max(0, _destination.LengthBytes - _payloadSeen));
            if (keepBytes > 0)
            {
                _buffer!.Span.Slice(_start, keepBytes).CopyTo(_destination.Span[_payloadSeen..]);
                _payloadCopied += keepBytes;
            }

            _start += takeBytes;
            _payloadSeen += takeBytes;
        }

        if (_payloadSeen < _payloadBytes || _end - _start < _tailBytes) return true;
        bool intact = !DataDigest || CheckDigest();
        _start += _tailBytes;
        _inPayload = false;
        complete = true;
        if (_payloadCopied > LargeCopyBytes) _windowBytes = SmallestBufferBytes;
        return Handler!.EndPdu(new PduHeader(_header), intact);
    }

    /// <summary>Data that was not kept is not checked: nobody will use it.</summary>
    private bool CheckDigest()
    {
        if (_destination.LengthBytes < _payloadBytes) return true;
        ReadOnlySpan<byte> tail = _buffer!.Span.Slice(_start, _tailBytes);
        uint digest = Crc32C.Compute(tail[..^4], Crc32C.Compute(_destination.Span));
        return digest == BinaryPrimitives.ReadUInt32LittleEndian(tail[^4..]);
    }

    private void MakeRoom()
    {
        int leftBytes = _end - _start;
        if (_windowBytes > _buffer!.CapacityBytes) Replace(_windowBytes, leftBytes);
        else if (_smallReceives >= ShrinkAfterSmallReceives && _buffer.CapacityBytes > SmallestBufferBytes)
        {
            _windowBytes = SmallestBufferBytes;
            Replace(SmallestBufferBytes, leftBytes);
        }

        if (_start == 0) return;
        if (leftBytes > 0) _buffer!.Span.Slice(_start, leftBytes).CopyTo(_buffer.Span);
        _start = 0;
        _end = leftBytes;
    }

    private void Replace(int capacityBytes, int leftBytes)
    {
        IoBuffer? fresh = share.TryRent(capacityBytes);
        _smallReceives = 0;
        if (fresh is null)
        {
            _windowBytes = _buffer!.CapacityBytes;
            return;
        }

        _buffer!.Span.Slice(_start, leftBytes).CopyTo(fresh.Span);
        share.Return(_buffer);
        _buffer = fresh;
        _start = 0;
        _end = leftBytes;
    }

    private void Adapt(int bufferedBytes)
    {
        bool full = bufferedBytes >= _windowBytes && _directBytes < LargeCopyBytes;
        if (full && _windowBytes < LargestBufferBytes) _windowBytes *= 2;
        if (bufferedBytes < SmallestBufferBytes / 2) _smallReceives++;
        else _smallReceives = 0;
    }

    private bool Fail(string reason)
    {
        Failure = reason;
        return false;
    }
}
