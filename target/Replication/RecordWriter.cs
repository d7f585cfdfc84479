using System.Runtime.InteropServices;
using Cstor.Engine.Host;

namespace Cstor.Target.Replication;

/// <summary>
/// Gathers frames in records. A record is closed when it is full or asked for, so that what is sent at once
/// is encrypted at once; a long payload has one of its own and is encrypted straight from where it is.
/// </summary>
internal sealed class RecordWriter(BufferPool buffers) : IDisposable
{
    private const int GatherBytes = 64 * 1024;
    private const int LongPayloadBytes = 32 * 1024;

    private readonly Queue<(IoBuffer Buffer, int Bytes)> _closed = [];
    private RecordSeal _seal = ChecksumSeal.WithoutKey();
    private ulong _sequence;
    private IoBuffer? _open;
    private int _openBytes;

    /// <summary>Bytes in records that are still here.</summary>
    public long QueuedBytes { get; private set; }

    public bool IsEmpty => _open is null && _closed.Count == 0;

    /// <summary>Closes records from now on by another seal, which it disposes of.</summary>
    public void Use(RecordSeal seal)
    {
        Close();
        _seal = seal;
    }

    /// <returns>False if there is no memory for it.</returns>
    public bool TryAdd(Frame frame, ReadOnlySpan<byte> payload)
    {
        frame.PayloadBytes = payload.Length;
        bool isLong = payload.Length >= LongPayloadBytes;
        int bytes = Frame.Bytes + payload.Length;
        if (isLong || _openBytes + bytes + RecordSeal.Bytes > GatherBytes) Close();
        if (_open is null)
        {
            _open = buffers.TryRent(
                isLong ? RecordHead.Bytes + bytes + RecordSeal.Bytes : GatherBytes);
            if (_open is null) return false;
            _openBytes = RecordHead.Bytes;
        }

        MemoryMarshal.Write(_open.Span[_openBytes..], in frame);
        _openBytes += Frame.Bytes;
        if (isLong)
        {
            Close(Frame.Bytes, payload);
            return true;
        }

        payload.CopyTo(_open.Span[_openBytes..]);
        _openBytes += payload.Length;
        return true;
    }

    /// <summary>Closes what was gathered, and lists the oldest records; see <see cref="Sent"/>.</summary>
    /// <returns>How many were listed.</returns>
    public int Take(Span<IoSlice> pieces)
    {
        Close();
        int count = 0;
        foreach ((IoBuffer buffer, int bytes) in _closed)
        {
            if (count == pieces.Length) break;
            pieces[count++] = buffer.First(bytes);
        }

        return count;
    }

    /// <summary>The oldest records need not be kept any longer.</summary>
    public void Sent(int count)
    {
        for (int i = 0; i < count; i++)
        {
            (IoBuffer buffer, int bytes) = _closed.Dequeue();
            QueuedBytes -= bytes;
            buffer.Release();
        }
    }

    public void Dispose()
    {
        Sent(_closed.Count);
        _open?.Release();
        _open = null;
        _seal.Dispose();
    }

    private void Close()
    {
        if (_open is null) return;
        int bodyBytes = _openBytes - RecordHead.Bytes;
        Close(0, _open.Span.Slice(RecordHead.Bytes, bodyBytes));
    }

    private void Close(int clearBytes, ReadOnlySpan<byte> secret)
    {
        RecordHead head = new()
        {
            BodyBytes = clearBytes + secret.Length,
            ClearBytes = clearBytes,
            Sequence = _sequence++,
        };
        head.Close(_open!.Span, secret, _seal);
        _closed.Enqueue((_open, head.TotalBytes));
        QueuedBytes += head.TotalBytes;
        _open = null;
        _openBytes = 0;
    }
}
