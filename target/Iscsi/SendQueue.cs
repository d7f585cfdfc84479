using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using Cstor.Engine.Host;
using Cstor.PoolLayout.Checksums;

namespace Cstor.Target.Iscsi;

/// <summary>
/// The sending half of a connection. PDUs of one turn of the loop gather in a batch that goes out in one
/// send at the turn's end; one send is under way at a time, and what comes meanwhile gathers in the next
/// batch. Order of queueing is order on the wire, so sequence numbers are given out when a PDU is queued.
/// </summary>
internal sealed class SendQueue : ITurnEnd
{
    /// <summary>
    /// Batches waiting behind the one under way; payload in them is bounded by the share already.
    /// </summary>
    private const int MaximumReadyBatches = 256;

    private readonly ILoop _loop;
    private readonly IConnection _connection;
    private readonly BufferShare _share;
    private readonly Action _onSent;
    private readonly Queue<SendBatch> _ready = new();
    private readonly Stack<SendBatch> _spare = new();
    private SendBatch? _filling;
    private SendBatch? _underWay;
    private ValueTaskAwaiter<bool> _sendAwaiter;
    private bool _deferred;
    private bool _broken;
    private bool _closeWhenSent;

    public SendQueue(ILoop loop, IConnection connection, BufferShare share)
    {
        _loop = loop;
        _connection = connection;
        _share = share;
        _onSent = OnSent;
    }

    public bool HeaderDigest { get; set; }

    public bool DataDigest { get; set; }

    /// <summary>Bytes queued or under way.</summary>
    public long QueuedBytes { get; private set; }

    public long SentBytes { get; private set; }

    /// <summary>When the send under way started; a send that makes no progress marks a dead peer.</summary>
    public long SendStartedNanoseconds { get; private set; }

    public bool IsSending => _underWay is not null;

    /// <summary>Nothing is under way and nothing waits.</summary>
    public bool IsIdle => _underWay is null && _filling is null && _ready.Count == 0;

    /// <summary>The peer asks without taking answers: stop listening to it until it does.</summary>
    public bool IsCongested => _ready.Count > MaximumReadyBatches;

    /// <summary>Called when a send has ended, after its buffers went back.</summary>
    public Action? Drained { get; set; }

    /// <summary>
    /// Queues a PDU whose data segment, if any, is small and copied. Fills in the data length.
    /// </summary>
    public void Send(Span<byte> header, ReadOnlySpan<byte> data = default)
    {
        if (!TryOpen(out SendBatch? batch)) return;
        PduWriter.SetDataLength(header, data.Length);
        if (!PutHeader(batch, header)) return;
        if (data.Length == 0) return;
        uint digest = DataDigest ? Crc32C.Compute(data) : 0;
        while (data.Length > 0)
        {
            int lengthBytes = Math.Min(data.Length, 4096);
            Span<byte> room = batch.Reserve(lengthBytes);
            if (room.IsEmpty)
            {
                Break();
                return;
            }

            data[..lengthBytes].CopyTo(room);
            data = data[lengthBytes..];
        }

        PutTail(batch, header, digest);
    }

    /// <summary>
    /// Queues a PDU with its data segment in place; <paramref name="giveBack"/> returns to the share once
    /// it is out.
    /// </summary>
    public void Send(Span<byte> header, IoSlice data, IoBuffer? giveBack)
    {
        if (!TryOpen(out SendBatch? batch))
        {
            if (giveBack is not null) _share.Return(giveBack);
            return;
        }

        PduWriter.SetDataLength(header, data.LengthBytes);
        if (!PutHeader(batch, header))
        {
            if (giveBack is not null) _share.Return(giveBack);
            return;
        }

        batch.AddPayload(data, giveBack);
        uint digest = DataDigest ? Crc32C.Compute(data.Span) : 0;
        PutTail(batch, header, digest);
    }

    /// <summary>Closes the connection once everything queued is out.</summary>
    public void CloseWhenSent()
    {
        _closeWhenSent = true;
        if (IsIdle) _connection.Close();
    }

    public void OnTurnEnd()
    {
        _deferred = false;
        if (_underWay is not null) return;
        if (_broken)
        {
            DropAll();
            return;
        }

        SendBatch? batch = _ready.Count > 0 ? _ready.Dequeue() : _filling;
        if (batch is null) return;
        if (ReferenceEquals(batch, _filling)) _filling = null;
        _underWay = batch;
        SendStartedNanoseconds = _loop.NowNanoseconds;
        Watch(_connection.SendAsync(batch.Pieces));
    }

    /// <summary>The connection has ended and no send is under way: gives everything back.</summary>
    public void Dispose()
    {
        _broken = true;
        DropAll();
        while (_spare.TryPop(out SendBatch? batch)) batch.Dispose();
    }

    private void Watch(ValueTask<bool> send)
    {
        _sendAwaiter = send.GetAwaiter();
        if (_sendAwaiter.IsCompleted) OnSent();
        else _sendAwaiter.UnsafeOnCompleted(_onSent);
    }

    private void OnSent()
    {
        SendBatch batch = _underWay!;
        bool sent = _sendAwaiter.GetResult();
        _underWay = null;
        if (sent) SentBytes += batch.TotalBytes;
        else _broken = true;
        Recycle(batch);
        if (!IsIdle) DeferFlush();
        else if (_closeWhenSent) _connection.Close();
        Drained?.Invoke();
    }

    private bool TryOpen([System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out SendBatch? batch)
    {
        batch = null;
        if (_broken) return false;
        if (_filling is { HasRoom: false })
        {
            _ready.Enqueue(_filling);
            _filling = null;
        }

        _filling ??= _spare.TryPop(out SendBatch? spare) ? spare : new SendBatch(_loop.Buffers);
        batch = _filling;
        DeferFlush();
        return true;
    }

    private bool PutHeader(SendBatch batch, Span<byte> header)
    {
        int lengthBytes = PduHeader.LengthBytes + (HeaderDigest ? 4 : 0);
        Span<byte> room = batch.Reserve(lengthBytes);
        if (room.IsEmpty)
        {
            Break();
            return false;
        }

        header[..PduHeader.LengthBytes].CopyTo(room);
        if (HeaderDigest)
            BinaryPrimitives.WriteUInt32LittleEndian(room[48..], Crc32C.Compute(room[..48]));
        QueuedBytes += lengthBytes + new PduHeader(header).DataLengthBytes;
        return true;
    }

    /// <summary>Padding to four bytes and the data digest, which covers the padding.</summary>
    private void PutTail(SendBatch batch, ReadOnlySpan<byte> header, uint digest)
    {
        int padBytes = -new PduHeader(header).DataLengthBytes & 3;
        int lengthBytes = padBytes + (DataDigest ? 4 : 0);
        if (lengthBytes == 0) return;
        Span<byte> room = batch.Reserve(lengthBytes);
        if (room.IsEmpty)
        {
            Break();
            return;
        }

        room[..padBytes].Clear();
        if (!DataDigest) return;
        digest = Crc32C.Compute(room[..padBytes], digest);
        BinaryPrimitives.WriteUInt32LittleEndian(room[padBytes..], digest);
    }

    private void DeferFlush()
    {
        if (_deferred || _underWay is not null) return;
        _deferred = true;
        _loop.Defer(this);
    }

    /// <summary>A half-written PDU cannot be taken back: the connection ends.</summary>
    private void Break()
    {
        _broken = true;
        _connection.Close();
    }

    private void DropAll()
    {
        while (_ready.TryDequeue(out SendBatch? batch)) Recycle(batch);
        if (_filling is null) return;
        SendBatch last = _filling;
        _filling = null;
        Recycle(last);
    }

    private void Recycle(SendBatch batch)
    {
        for (int i = 0; i < batch.Payloads.Count; i++) _share.Return(batch.Payloads[i]);
        if (_filling is null && _ready.Count == 0) QueuedBytes = 0;
        else QueuedBytes = Math.Max(0, QueuedBytes - batch.TotalBytes);
        batch.Reset();
        _spare.Push(batch);
    }
}
