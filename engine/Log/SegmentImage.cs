using Cstor.Engine.Host;
using Cstor.Engine.Vdevs;
using Cstor.PoolLayout;

namespace Cstor.Engine.Log;

/// <summary>One copy of a log segment in memory, its sectors as they lie.</summary>
internal sealed class SegmentImage(ILoop loop, PoolDevices devices)
{
    private readonly IoBuffer _buffer = loop.Buffers.Rent(Layout.LogSegmentBytes);
    private readonly ApartRead _reads = new(loop, devices);
    private BlockPlace _place;
    private IoStatus _status;

    /// <summary>The bytes from an offset on; empty where they cannot be read.</summary>
    public ReadOnlySpan<byte> From(int offset) =>
        _status == IoStatus.Ok ? _buffer.Span[offset..Layout.LogSegmentBytes] : [];

    public bool IsReadable => _status == IoStatus.Ok;

    public async ValueTask LoadAsync(BlockPlace place)
    {
        if (place == _place) return;
        IoSlice whole = _buffer.First(Layout.LogSegmentBytes);
        _place = place;
        _status = devices.Geometry(place.Vdev).Parity > 0
            ? await _reads.RawAsync(place, whole)
            : await _reads.BlockAsync(place, whole);
    }

    /// <summary>What was read is not true any more.</summary>
    public void Forget() => _place = BlockPlace.None;

    public void Close() => _buffer.Release();
}
