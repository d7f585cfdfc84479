using System.Runtime.InteropServices;
using Cstor.Engine.Host;

namespace Cstor.Target.Replication;

/// <summary>
/// Takes what a connection receives apart: records, of which none is looked into before its seal held, and
/// the frames in them. The first thing that does not fit is the last that is read.
/// </summary>
internal sealed class RecordReader(IoBuffer buffer) : IDisposable
{
    /// <summary>Bytes that the buffer must have.</summary>
    public const int BufferBytes = 2 * RecordHead.MaximumBytes;

    private RecordSeal _seal = ChecksumSeal.WithoutKey();
    private ulong _sequence;
    private int _start;
    private int _end;
    private int _frames;
    private int _framesEnd;

    /// <summary>Why nothing more can be read, or null.</summary>
    public string? Failure { get; private set; }

    /// <summary>Opens what comes from now on by another seal, which it disposes of.</summary>
    public void Use(RecordSeal seal) => _seal = seal;

    /// <summary>Where the next bytes belong. What was taken before is overwritten.</summary>
    public IoSlice Room()
    {
        if (_start > 0)
        {
            buffer.Span[_start.._end].CopyTo(buffer.Span);
            _end -= _start;
            _start = 0;
        }

        return buffer.Slice.Slice(_end, BufferBytes - _end);
    }

    /// <summary>So many bytes have come.</summary>
    public void Received(int count) => _end += count;

    /// <summary>The next frame of a whole record, if one is there and right.</summary>
    public bool TryTake(out Frame frame, out IoSlice payload)
    {
        frame = default;
        payload = default;
        if (Failure is not null || (_frames == _framesEnd && !TryOpen())) return false;
        int left = _framesEnd - _frames;
        if (left < Frame.Bytes) return Fail("a record ends within a frame");
        frame = MemoryMarshal.Read<Frame>(buffer.Span[_frames..]);
        if (frame.Validate() is { } reason) return Fail(reason);
        if (left < Frame.Bytes + frame.PayloadBytes) return Fail("a record ends within a payload");
        payload = buffer.Slice.Slice(_frames + Frame.Bytes, frame.PayloadBytes);
        _frames += Frame.Bytes + frame.PayloadBytes;
        return true;
    }

    public void Dispose()
    {
        buffer.Release();
        _seal.Dispose();
    }

    private bool TryOpen()
    {
        if (_end - _start < RecordHead.Bytes) return false;
        RecordHead head = MemoryMarshal.Read<RecordHead>(buffer.Span[_start..]);
        if (head.Validate() is { } reason) return Fail(reason);
        if (_end - _start < head.TotalBytes) return false;
        if (!head.TryOpen(buffer.Span.Slice(_start, head.TotalBytes), _seal))
            return Fail("a record is damaged, or the key is another");
        if (head.Sequence != _sequence) return Fail("a record is missing or came twice");
        _sequence++;
        _frames = _start + RecordHead.Bytes;
        _framesEnd = _frames + head.BodyBytes;
        _start += head.TotalBytes;
        return true;
    }

    private bool Fail(string reason)
    {
        Failure = reason;
        return false;
    }
}
