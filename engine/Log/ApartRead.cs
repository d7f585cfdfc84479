using Cstor.Engine.Blocks;
using Cstor.Engine.Host;
using Cstor.Engine.Vdevs;
using Cstor.PoolLayout;

namespace Cstor.Engine.Log;

/// <summary>
/// Reads through other memory, and again after a time-out: a device that hangs may still write there.
/// </summary>
internal sealed class ApartRead(ILoop loop, PoolDevices devices)
{
    /// <summary>Blocks, as the vdev has them.</summary>
    public ValueTask<IoStatus> BlockAsync(BlockPlace place, IoSlice into) =>
        ReadAsync(place, into, isRaw: false);

    /// <summary>Sectors as they lie.</summary>
    public ValueTask<IoStatus> RawAsync(BlockPlace place, IoSlice into) =>
        ReadAsync(place, into, isRaw: true);

    private async ValueTask<IoStatus> ReadAsync(BlockPlace place, IoSlice into, bool isRaw)
    {
        IoStatus status = IoStatus.DeviceTimeout;
        for (int i = 0; i < BlockReader.Attempts && status == IoStatus.DeviceTimeout; i++)
        {
            IoBuffer apart = loop.Buffers.Rent(into.LengthBytes);
            IoSlice slice = apart.First(into.LengthBytes);
            status = isRaw
                ? await devices.ReadRawAsync(place, slice)
                : await devices.ReadAsync(place, slice);
            if (status == IoStatus.Ok) slice.Span.CopyTo(into.Span);
            apart.Release();
        }

        return status;
    }
}
