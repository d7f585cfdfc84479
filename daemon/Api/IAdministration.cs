using Cstor.Engine.Host;
using Cstor.Engine.Pools;

namespace Cstor.Daemon.Api;

/// <summary>
/// What an administrator can ask of a running daemon: the seam between the server that speaks HTTP and the
/// service that owns pools and targets. Called from any thread. A task may outlive the caller's patience: it
/// then ends on its own, with all its bookkeeping, so an expired deadline never leaves something half done.
/// </summary>
internal interface IAdministration
{
    Task<Outcome<HealthView>> HealthAsync();

    /// <summary>
    /// Open pools, and those that should be but could not be imported (health <c>unavailable</c>).
    /// </summary>
    Task<Outcome<PoolStatus[]>> ListPoolsAsync();

    Task<Outcome<PoolStatus>> GetPoolAsync(string nameOrGuid);

    Task<Outcome<ActionReport>> CreatePoolAsync(CreatePoolRequest request);

    /// <summary>
    /// Pools that could be imported from the given places; from all devices where none is given.
    /// </summary>
    Task<Outcome<ImportScanView>> ScanAsync(string[] search);

    Task<Outcome<ActionReport>> ImportPoolAsync(ImportPoolRequest request);

    Task<Outcome<ActionReport>> ExportPoolAsync(string pool, ChangeRequest request);

    Task<Outcome<ActionReport>> DestroyPoolAsync(string pool, ChangeRequest request);

    /// <summary>Gives a pool more vdevs, log devices or spares.</summary>
    Task<Outcome<ActionReport>> AddVdevsAsync(string pool, AddVdevsRequest request);

    Task<Outcome<ActionReport>> AttachDeviceAsync(string pool, AttachDeviceRequest request);

    Task<Outcome<ActionReport>> DetachDeviceAsync(string pool, DeviceRequest request);

    Task<Outcome<ActionReport>> ReplaceDeviceAsync(string pool, ReplaceDeviceRequest request);

    Task<Outcome<ActionReport>> OfflineDeviceAsync(string pool, DeviceRequest request);

    Task<Outcome<ActionReport>> OnlineDeviceAsync(string pool, DeviceRequest request);

    Task<Outcome<ActionReport>> ClearPoolAsync(string pool, ClearRequest request);

    /// <summary>Begins, pauses or stops a scrub; how far it is, is in the pool's status.</summary>
    Task<Outcome<ActionReport>> ScrubPoolAsync(string pool, ScrubRequest request);

    /// <summary>Verifies a whole pool; takes as long as reading all that is on it.</summary>
    Task<Outcome<CheckView>> CheckPoolAsync(string pool);

    /// <summary>Volumes of one pool, or of all where <paramref name="pool"/> is null.</summary>
    Task<Outcome<VolumeView[]>> ListVolumesAsync(string? pool);

    Task<Outcome<VolumeView>> GetVolumeAsync(string pool, string volume);

    Task<Outcome<ActionReport>> CreateVolumeAsync(CreateVolumeRequest request);

    Task<Outcome<ActionReport>> DestroyVolumeAsync(string pool, string volume, ChangeRequest request);

    Task<Outcome<ActionReport>> ResizeVolumeAsync(string pool, string volume, ResizeVolumeRequest request);

    Task<Outcome<ActionReport>> SetPropertiesAsync(string pool, string volume, SetPropertiesRequest request);

    Task<Outcome<TargetView[]>> ListTargetsAsync();

    Task<Outcome<DiskView[]>> ListDisksAsync();
}
