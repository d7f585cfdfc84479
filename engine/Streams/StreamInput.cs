using Cstor.Engine.Host;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Checksums;
using Cstor.PoolLayout.Streams;

namespace Cstor.Engine.Streams;

/// <summary>
/// Takes the records of a stream out of what a source brings, each verified before anybody sees it. The
/// source is believed in nothing.
/// </summary>
internal sealed class StreamInput : IDisposable
{
    private const int BufferBytes = 1024 * 1024;

    private readonly IStreamSource _source;
    private readonly StreamGate _gate;
    private readonly IoBuffer _buffer;
    private int _start;
    private int _end;
    private ulong _sequence;
    private Hash128 _previous;
    private StreamRecordHeader _header;

    private StreamInput(IoBuffer buffer, IStreamSource source, StreamGate gate)
    {
        _gate = gate;
        _buffer = buffer;
        _source = source;
    }

    /// <summary>The record that was taken last.</summary>
    public ref readonly StreamRecordHeader Header => ref _header;

    /// <summary>Its payload; valid until more is read.</summary>
    public IoSlice Payload { get; private set; }

    /// <summary>Null when there is no memory.</summary>
    public static StreamInput? TryCreate(BufferPool buffers, IStreamSource source, StreamGate gate) =>
        buffers.TryRent(BufferBytes) is { } buffer ? new StreamInput(buffer, source, gate) : null;

    /// <summary>Takes the next record if all of it is at hand.</summary>
    /// <param name="damage">What is wrong with it: nothing more can be taken.</param>
    /// <returns>False when more must be read first, or after damage.</returns>
    public bool TryTake(out Fault? damage)
    {
        damage = null;
        ReadOnlySpan<byte> at = _buffer.Span[_start.._end];
        if (at.Length < StreamRecordHeader.Bytes) return false;
        string? reason = StreamRecordHeader.TryRead(at, _sequence, _previous, out StreamRecordHeader header);
        if (reason is null)
        {
            int payloadBytes = (int)header.PayloadBytes;
            if (at.Length < StreamRecordHeader.Bytes + payloadBytes) return false;
            Payload = _buffer.Slice.Slice(_start + StreamRecordHeader.Bytes, payloadBytes);
            if (payloadBytes > 0 && Xxh128.Compute(Payload.Span) != header.PayloadChecksum)
                reason = "payload checksum mismatch";
        }

        if (reason is not null)
        {
            damage = Damage(reason);
            return false;
        }

        _header = header;
        _start += StreamRecordHeader.Bytes + (int)header.PayloadBytes;
        _sequence++;
        _previous = header.Checksum;
        return true;
    }

    /// <summary>Reads more, after which what was taken is gone.</summary>
    /// <param name="meanwhile">What there is to do while the source brings it.</param>
    /// <returns>False when there is no more, or the pool was closed.</returns>
    public async ValueTask<bool> ReadAsync(Func<ValueTask> meanwhile)
    {
        _buffer.Span[_start.._end].CopyTo(_buffer.Span);
        _end -= _start;
        _start = 0;
        // Never full: a record that is not whole is shorter than the buffer.
        ValueTask<int> reading = _source.ReadAsync(_buffer.Slice.Slice(_end, BufferBytes - _end));
        await meanwhile();
        _gate.Leave();
        int came = await reading;
        bool isOpen = _gate.Enter();
        Check.That(came >= 0 && came <= BufferBytes - _end);
        _end += came;
        return isOpen && came > 0;
    }

    /// <summary>A fault of this stream, where it is.</summary>
    public Fault Damage(string reason) => new(
        "stream-damaged", $"record {_sequence} of the stream is damaged: {reason}", "Send it again");

    public void Dispose() => _buffer.Release();
}
