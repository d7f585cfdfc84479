// Both ends of a stream in memory. What was written may be cut, changed or read in pieces of any length.
using Cstor.Engine.Host;
using Cstor.Engine.Streams;
using Cstor.Tests.Simulation;

namespace Cstor.Tests.Streams;

internal sealed class MemoryPipe(SimulatedLoop loop, SimulatedRandom? random = null)
    : IStreamSink, IStreamSource
{
    private readonly List<byte> _bytes = [];
    private int _read;

    /// <summary>After so many bytes nobody takes any more.</summary>
    public int BreakAt { get; init; } = int.MaxValue;

    /// <summary>Each read takes this long.</summary>
    public long ReadNanoseconds { get; init; }

    public byte[] Bytes => [.. _bytes];

    /// <summary>A stream to be read.</summary>
    public static MemoryPipe Of(
        SimulatedLoop loop, ReadOnlySpan<byte> bytes, SimulatedRandom? random = null, long nanoseconds = 0)
    {
        MemoryPipe pipe = new(loop, random) { ReadNanoseconds = nanoseconds };
        pipe._bytes.AddRange(bytes);
        return pipe;
    }

    public async ValueTask<IoStatus> WriteAsync(IoSlice from)
    {
        int room = Math.Min(from.LengthBytes, BreakAt - _bytes.Count);
        _bytes.AddRange(from.Span[..room]);
        if (random is not null) await loop.DelayAsync(random.Between(0L, 1000L) * 1000);
        return room == from.LengthBytes ? IoStatus.Ok : IoStatus.Closed;
    }

    public async ValueTask<int> ReadAsync(IoSlice into)
    {
        int length = Math.Min(into.LengthBytes, _bytes.Count - _read);
        if (random is not null && length > 1) length = random.Between(1, length);
        if (ReadNanoseconds > 0 || random is not null)
            await loop.DelayAsync(random?.Between(0L, ReadNanoseconds) ?? ReadNanoseconds);
        for (int i = 0; i < length; i++) into.Span[i] = _bytes[_read + i];
        _read += length;
        return length;
    }
}
