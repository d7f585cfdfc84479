using Cstor.Engine.Host;
using Cstor.Engine.Pools;
using Cstor.Engine.Rewind;

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

    /// <summary>
    /// Which older roots a pool could go back to; takes as long as reading its metadata, or all its data.
    /// </summary>
    Task<Outcome<RewindPlan>> PlanRewindAsync(string pool, string[] search, bool force, bool data);

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

    Task<Outcome<ActionReport>> DestroyVolumeAsync(string pool, string volume, DestroyVolumeRequest request);

    Task<Outcome<ActionReport>> ResizeVolumeAsync(string pool, string volume, ResizeVolumeRequest request);

    Task<Outcome<ActionReport>> SetPropertiesAsync(string pool, string volume, SetPropertiesRequest request);

    Task<Outcome<ActionReport>> RenameVolumeAsync(string pool, string volume, RenameVolumeRequest request);

    /// <summary>Makes a clone the owner of the snapshot it was made of, and of those before it.</summary>
    Task<Outcome<ActionReport>> PromoteVolumeAsync(string pool, string volume, PromoteRequest request);

    Task<Outcome<ActionReport>> RollbackVolumeAsync(string pool, string volume, RollbackRequest request);

    /// <summary>
    /// Snapshots of a volume, of a pool where <paramref name="volume"/> is null, or of all; those of one
    /// volume in the order in which they were taken.
    /// </summary>
    Task<Outcome<SnapshotStatus[]>> ListSnapshotsAsync(string? pool, string? volume);

    Task<Outcome<SnapshotStatus>> GetSnapshotAsync(string pool, string volume, string snapshot);

    Task<Outcome<ActionReport>> CreateSnapshotsAsync(CreateSnapshotsRequest request);

    Task<Outcome<ActionReport>> DestroySnapshotsAsync(
        string pool, string volume, DestroySnapshotsRequest request);

    Task<Outcome<ActionReport>> RenameSnapshotAsync(
        string pool, string volume, string snapshot, RenameSnapshotRequest request);

    /// <summary>Keeps a snapshot from being destroyed, until every tag is released.</summary>
    Task<Outcome<ActionReport>> HoldSnapshotAsync(
        string pool, string volume, string snapshot, HoldRequest request);

    Task<Outcome<ActionReport>> ReleaseSnapshotAsync(
        string pool, string volume, string snapshot, HoldRequest request);

    /// <summary>Makes a writable volume of a snapshot, served at once.</summary>
    Task<Outcome<ActionReport>> CloneSnapshotAsync(
        string pool, string volume, string snapshot, CloneRequest request);

    IStreamAdministration Streams { get; }

    /// <summary>Work that takes long.</summary>
    IJobAdministration Jobs { get; }

    /// <summary>What was done and what happened.</summary>
    IObservation Observation { get; }

    Task<Outcome<TargetView[]>> ListTargetsAsync();

    /// <summary>Serves all targets on one more portal, until the daemon ends.</summary>
    Task<Outcome<ActionReport>> AddPortalAsync(PortalRequest request);

    /// <summary>Takes no more logins there.</summary>
    Task<Outcome<ActionReport>> RemovePortalAsync(PortalRequest request);

    /// <summary>This node and its peers.</summary>
    Task<Outcome<PeerView[]>> ListPeersAsync();

    /// <summary>Names a peer, or says that it is elsewhere.</summary>
    Task<Outcome<ActionReport>> AddPeerAsync(PeerChangeRequest request);

    /// <summary>Has nothing to do with a peer any more.</summary>
    Task<Outcome<ActionReport>> RemovePeerAsync(PeerChangeRequest request);

    /// <summary>How the replicas of a volume stand.</summary>
    Task<Outcome<ReplicationView>> GetReplicationAsync(string pool, string volume);

    /// <summary>Gives a volume one more replica.</summary>
    Task<Outcome<ActionReport>> AddReplicaAsync(string pool, string volume, ReplicaChangeRequest request);

    /// <summary>Takes a replica from a volume and destroys it.</summary>
    Task<Outcome<ActionReport>> RemoveReplicaAsync(string pool, string volume, ReplicaChangeRequest request);

    /// <summary>Has another node lead a volume's replicas.</summary>
    Task<Outcome<ActionReport>> LeadVolumeAsync(string pool, string volume, ReplicaChangeRequest request);

    /// <summary>Compares the replicas of a volume, and mends what differs.</summary>
    Task<Outcome<ActionReport>> VerifyVolumeAsync(string pool, string volume);

    Task<Outcome<DiskView[]>> ListDisksAsync();
}
