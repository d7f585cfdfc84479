using Cstor.Engine.Pools;

namespace Cstor.Daemon.Service;

/// <summary>What is known of a pool when it was opened, taken on the loop to be used elsewhere.</summary>
internal sealed record OpenedPool(
    string Name, Guid Guid, long SizeBytes, string[] Devices, VolumeStatus[] Volumes)
{
    /// <summary>Only on the pool's loop.</summary>
    public static OpenedPool Of(Pool pool) => new(
        pool.Name,
        pool.Guid,
        pool.Status().SizeBytes,
        [.. pool.DevicePaths],
        [.. pool.Volumes.Select(volume => volume.Status())]);
}
