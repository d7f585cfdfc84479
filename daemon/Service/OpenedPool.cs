using Cstor.Engine.Pools;

namespace Cstor.Daemon.Service;

/// <summary>What is known of a pool when it was opened, taken on the loop to be used elsewhere.</summary>
internal sealed record OpenedPool(PoolStatus Status, string[] Devices, VolumeStatus[] Volumes)
{
    public string Name => Status.Name;

    public Guid Guid => Status.Guid;

    public long SizeBytes => Status.SizeBytes;

    /// <summary>Only on the pool's loop.</summary>
    public static OpenedPool Of(Pool pool) => new(
        pool.Status(), [.. pool.DevicePaths], [.. pool.Volumes.Select(volume => volume.Status())]);
}
