using System.Runtime.CompilerServices;
using Cstor.Engine.Host;
using Cstor.Engine.Volumes;

namespace Cstor.Target.Scsi;

/// <summary>
/// Reads of a volume into a rented buffer. After DeviceTimeout the device that hangs may still write to the
/// buffer: it is given back, whatever keeps it until then, and the read is repeated in another one, for the
/// volume's redundancy answers it now that the device is known to hang.
/// </summary>
internal static class VolumeRead
{
    /// <summary>One for each device that a vdev can lack, and one.</summary>
    private const int Attempts = 4;

    /// <summary>Reads into the buffer, or into another one.</summary>
    /// <returns>The buffer held now; null, with NoMemory, if there is none any more.</returns>
    public static ValueTask<(IoStatus Status, IoBuffer? Buffer)> ReadAsync(
        ScsiTask task, long offsetBytes, IoBuffer buffer, int lengthBytes) =>
        ReadAsync(task, offsetBytes, buffer, lengthBytes, task.Unit!.Volume);

    /// <summary>The same of any volume.</summary>
    [AsyncMethodBuilder(typeof(LoopMethodBuilder<>))]
    public static async ValueTask<(IoStatus Status, IoBuffer? Buffer)> ReadAsync(
        ScsiTask task, long offsetBytes, IoBuffer buffer, int lengthBytes, IBlockVolume volume)
    {
        IoStatus status = await volume.ReadAsync(offsetBytes, buffer.First(lengthBytes));
        return status == IoStatus.DeviceTimeout
            ? await AgainAsync(task, offsetBytes, buffer, lengthBytes, volume)
            : (status, buffer);
    }

    /// <summary>Reads again after a first read that ended with DeviceTimeout.</summary>
    public static async ValueTask<(IoStatus Status, IoBuffer? Buffer)> AgainAsync(
        ScsiTask task, long offsetBytes, IoBuffer buffer, int lengthBytes, IBlockVolume volume)
    {
        IoStatus status = IoStatus.DeviceTimeout;
        for (int i = 1; i < Attempts && status == IoStatus.DeviceTimeout && !task.IsAborted; i++)
        {
            task.Return(buffer);
            IoBuffer? other = await task.RentAsync(lengthBytes);
            if (other is null) return (IoStatus.NoMemory, null);
            buffer = other;
            status = await volume.ReadAsync(offsetBytes, buffer.First(lengthBytes));
        }

        return (status, buffer);
    }
}
