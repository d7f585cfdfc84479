using Cstor.Daemon.Api;
using Cstor.Daemon.Jobs;
using Cstor.Daemon.Replicas;
using Cstor.Engine.Host;
using Cstor.Engine.Host.Linux;
using Cstor.Engine.Pools;
using Cstor.Engine.Rewind;
using Cstor.Engine.Vdevs;

namespace Cstor.Daemon.Service;

/// <summary>
/// The running daemon as the admin API sees it: hands on to the services, and answers what none of them owns.
/// </summary>
internal sealed class Administration(
    LinuxLoop loop,
    PoolRegistry registry,
    PoolService pools,
    PoolMaintenanceService maintenance,
    VolumeService volumes,
    SnapshotService snapshots,
    CloneService clones,
    StreamService streams,
    JobService jobs,
    TargetService targets,
    ReplicaService replicas,
    PeerService peers,
    KnownPools known,
    IObservation observation) : IAdministration
{
    public async Task<Outcome<HealthView>> HealthAsync()
    {
        int open = await loop.ReadAsync(() => registry.Pools.Count);
        return new HealthView("ok", ProgramVersion.Text, open, known.UnavailableCount);
    }

    public Task<Outcome<PoolStatus[]>> ListPoolsAsync() => pools.ListAsync();

    public Task<Outcome<PoolStatus>> GetPoolAsync(string nameOrGuid) => pools.GetAsync(nameOrGuid);

    public Task<Outcome<ActionReport>> CreatePoolAsync(CreatePoolRequest request) =>
        pools.CreateAsync(request);

    public Task<Outcome<ImportScanView>> ScanAsync(string[] search) => pools.ScanAsync(search);

    public Task<Outcome<ActionReport>> ImportPoolAsync(ImportPoolRequest request) =>
        pools.ImportAsync(request);

    public Task<Outcome<RewindPlan>> PlanRewindAsync(string pool, string[] search, bool force, bool data) =>
        pools.PlanRewindAsync(pool, search, force, data);

    public Task<Outcome<ActionReport>> ExportPoolAsync(string pool, ChangeRequest request) =>
        pools.ExportAsync(pool, request);

    public Task<Outcome<ActionReport>> DestroyPoolAsync(string pool, ChangeRequest request) =>
        pools.DestroyAsync(pool, request);

    public Task<Outcome<ActionReport>> AddVdevsAsync(string pool, AddVdevsRequest request) =>
        maintenance.AddAsync(pool, request);

    public Task<Outcome<ActionReport>> AttachDeviceAsync(string pool, AttachDeviceRequest request) =>
        maintenance.AttachAsync(pool, request);

    public Task<Outcome<ActionReport>> DetachDeviceAsync(string pool, DeviceRequest request) =>
        maintenance.DetachAsync(pool, request);

    public Task<Outcome<ActionReport>> ReplaceDeviceAsync(string pool, ReplaceDeviceRequest request) =>
        maintenance.ReplaceAsync(pool, request);

    public Task<Outcome<ActionReport>> OfflineDeviceAsync(string pool, DeviceRequest request) =>
        maintenance.OfflineAsync(pool, request);

    public Task<Outcome<ActionReport>> OnlineDeviceAsync(string pool, DeviceRequest request) =>
        maintenance.OnlineAsync(pool, request);

    public Task<Outcome<ActionReport>> ClearPoolAsync(string pool, ClearRequest request) =>
        maintenance.ClearAsync(pool, request);

    public Task<Outcome<ActionReport>> ScrubPoolAsync(string pool, ScrubRequest request) =>
        maintenance.ScrubAsync(pool, request);

    public Task<Outcome<CheckView>> CheckPoolAsync(string pool) => maintenance.CheckAsync(pool);

    public Task<Outcome<VolumeView[]>> ListVolumesAsync(string? pool) => volumes.ListAsync(pool);

    public async Task<Outcome<VolumeView>> GetVolumeAsync(string pool, string volume) =>
        await replicas.WithReplicasAsync(await volumes.GetAsync(pool, volume));

    public Task<Outcome<ActionReport>> CreateVolumeAsync(CreateVolumeRequest request) =>
        replicas.CreateAsync(request);

    public Task<Outcome<ActionReport>> DestroyVolumeAsync(
        string pool, string volume, DestroyVolumeRequest request) =>
        replicas.DestroyAsync(pool, volume, request);

    public Task<Outcome<ActionReport>> ResizeVolumeAsync(
        string pool, string volume, ResizeVolumeRequest request) =>
        replicas.ResizeAsync(pool, volume, request);

    public Task<Outcome<ActionReport>> SetPropertiesAsync(
        string pool, string volume, SetPropertiesRequest request) =>
        replicas.SetPropertiesAsync(pool, volume, request);

    public Task<Outcome<ActionReport>> RenameVolumeAsync(
        string pool, string volume, RenameVolumeRequest request) =>
        volumes.RenameAsync(pool, volume, request);

    public Task<Outcome<ActionReport>> PromoteVolumeAsync(
        string pool, string volume, PromoteRequest request) =>
        clones.PromoteAsync(pool, volume, request);

    public async Task<Outcome<ActionReport>> RollbackVolumeAsync(
        string pool, string volume, RollbackRequest request) =>
        await replicas.RefusalAsync(pool, volume, "rolled back") is { } refusal
            ? refusal
            : await volumes.RollbackAsync(pool, volume, request);

    public Task<Outcome<SnapshotStatus[]>> ListSnapshotsAsync(string? pool, string? volume) =>
        snapshots.ListAsync(pool, volume);

    public Task<Outcome<SnapshotStatus>> GetSnapshotAsync(string pool, string volume, string snapshot) =>
        snapshots.GetAsync(pool, volume, snapshot);

    public Task<Outcome<ActionReport>> CreateSnapshotsAsync(CreateSnapshotsRequest request) =>
        replicas.SnapshotAsync(request);

    public Task<Outcome<ActionReport>> DestroySnapshotsAsync(
        string pool, string volume, DestroySnapshotsRequest request) =>
        replicas.DestroySnapshotsAsync(pool, volume, request);

    public Task<Outcome<ActionReport>> RenameSnapshotAsync(
        string pool, string volume, string snapshot, RenameSnapshotRequest request) =>
        snapshots.RenameAsync(pool, volume, snapshot, request);

    public Task<Outcome<ActionReport>> HoldSnapshotAsync(
        string pool, string volume, string snapshot, HoldRequest request) =>
        snapshots.HoldAsync(pool, volume, snapshot, request);

    public Task<Outcome<ActionReport>> ReleaseSnapshotAsync(
        string pool, string volume, string snapshot, HoldRequest request) =>
        snapshots.ReleaseAsync(pool, volume, snapshot, request);

    public Task<Outcome<ActionReport>> CloneSnapshotAsync(
        string pool, string volume, string snapshot, CloneRequest request) =>
        clones.CloneAsync(pool, volume, snapshot, request);

    public IStreamAdministration Streams => streams;

    public IJobAdministration Jobs => jobs;

    public IObservation Observation => observation;

    public Task<Outcome<PeerView[]>> ListPeersAsync() => peers.ListAsync();

    public Task<Outcome<ActionReport>> AddPeerAsync(PeerChangeRequest request) => peers.AddAsync(request);

    public Task<Outcome<ActionReport>> RemovePeerAsync(PeerChangeRequest request) =>
        peers.RemoveAsync(request, replicas.FindUse);

    public Task<Outcome<ReplicationView>> GetReplicationAsync(string pool, string volume) =>
        replicas.StatusAsync(pool, volume);

    public Task<Outcome<ActionReport>> AddReplicaAsync(
        string pool, string volume, ReplicaChangeRequest request) =>
        replicas.Changes.AddAsync(pool, volume, request);

    public Task<Outcome<ActionReport>> RemoveReplicaAsync(
        string pool, string volume, ReplicaChangeRequest request) =>
        replicas.Changes.RemoveAsync(pool, volume, request);

    public Task<Outcome<ActionReport>> LeadVolumeAsync(
        string pool, string volume, ReplicaChangeRequest request) =>
        replicas.Changes.LeadAsync(pool, volume, request);

    public Task<Outcome<ActionReport>> VerifyVolumeAsync(string pool, string volume) =>
        replicas.Changes.VerifyAsync(pool, volume);

    public Task<Outcome<TargetView[]>> ListTargetsAsync() => targets.ListAsync();

    public Task<Outcome<ActionReport>> AddPortalAsync(PortalRequest request) =>
        targets.AddPortalAsync(request);

    public Task<Outcome<ActionReport>> RemovePortalAsync(PortalRequest request) =>
        targets.RemovePortalAsync(request);

    public async Task<Outcome<DiskView[]>> ListDisksAsync()
    {
        Outcome<DiskDescription[]> disks = await loop.CallAsync<DiskDescription[]>(
            async () => (await loop.Disks.ListAsync()).ToArray());
        if (!disks.IsOk) return disks.Fault;
        Dictionary<string, string> poolOf = await loop.ReadAsync(PoolsByDevice);
        DiskView[] views =
            [.. disks.Value.Select(disk => Describe(disk, poolOf.GetValueOrDefault(disk.Path, "")))];
        string[] free = [.. views.Where(disk => disk.InUseBy.Length == 0).Select(disk => disk.Path)];
        Outcome<IReadOnlyDictionary<string, string>> objections = await loop.CallAsync(
            async () => Outcome<IReadOnlyDictionary<string, string>>.Ok(
                await DiskExamination.ObjectionsAsync(loop, free, DiskPatienceNanoseconds)));
        return views.Select(
            disk => disk with { Carries = objections.Value.GetValueOrDefault(disk.Path, "") }).ToArray();
    }

    /// <summary>Whoever lists disks must have an answer in a second, also while one of them hangs.</summary>
    private const long DiskPatienceNanoseconds = 700_000_000;

    private Dictionary<string, string> PoolsByDevice()
    {
        Dictionary<string, string> result = new(StringComparer.Ordinal);
        foreach (Pool pool in registry.Pools)
        {
            foreach (string path in pool.DevicePaths) result[MemberPaths.RealPath(path)] = pool.Name;
        }
        return result;
    }

    private static DiskView Describe(DiskDescription disk, string pool) => new(
        disk.Path,
        disk.SizeBytes,
        disk.Model,
        disk.Serial,
        disk.LogicalSectorBytes,
        disk.PhysicalSectorBytes,
        disk.IsRotational,
        pool,
        pool.Length > 0 ? $"pool {pool}" : disk.InUseBy ?? "")
    {
        Wwn = disk.Wwn,
    };
}
