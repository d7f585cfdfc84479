namespace Cstor.Daemon.Api;

/// <summary>The paths of the API, shared by server and client.</summary>
internal static class Routes
{
    public const string Health = "/v1/health";
    public const string Pools = "/v1/pools";
    public const string Pool = "/v1/pools/{pool}";
    public const string PoolExport = "/v1/pools/{pool}/export";
    public const string PoolDestroy = "/v1/pools/{pool}/destroy";
    public const string PoolVdevs = "/v1/pools/{pool}/vdevs";
    public const string PoolAttach = "/v1/pools/{pool}/attach";
    public const string PoolDetach = "/v1/pools/{pool}/detach";
    public const string PoolReplace = "/v1/pools/{pool}/replace";
    public const string PoolOffline = "/v1/pools/{pool}/offline";
    public const string PoolOnline = "/v1/pools/{pool}/online";
    public const string PoolClear = "/v1/pools/{pool}/clear";
    public const string PoolScrub = "/v1/pools/{pool}/scrub";
    public const string PoolCheck = "/v1/pools/{pool}/check";
    public const string Imports = "/v1/imports";
    public const string ImportRewind = "/v1/imports/{pool}/rewind";
    public const string Volumes = "/v1/volumes";
    public const string Volume = "/v1/volumes/{pool}/{volume}";
    public const string VolumeDestroy = "/v1/volumes/{pool}/{volume}/destroy";
    public const string VolumeSize = "/v1/volumes/{pool}/{volume}/size";
    public const string VolumeProperties = "/v1/volumes/{pool}/{volume}/properties";
    public const string VolumeRename = "/v1/volumes/{pool}/{volume}/rename";
    public const string VolumePromote = "/v1/volumes/{pool}/{volume}/promote";
    public const string VolumeRollback = "/v1/volumes/{pool}/{volume}/rollback";
    public const string VolumeSnapshotsDestroy = "/v1/volumes/{pool}/{volume}/snapshots/destroy";
    public const string VolumeReplicas = "/v1/volumes/{pool}/{volume}/replicas";
    public const string VolumeReplicasRemove = "/v1/volumes/{pool}/{volume}/replicas/remove";
    public const string VolumeLead = "/v1/volumes/{pool}/{volume}/lead";
    public const string VolumeVerify = "/v1/volumes/{pool}/{volume}/verify";
    public const string Peers = "/v1/peers";
    public const string PeersRemove = "/v1/peers/remove";
    public const string Snapshots = "/v1/snapshots";
    public const string Snapshot = "/v1/snapshots/{pool}/{volume}/{snapshot}";
    public const string SnapshotRename = "/v1/snapshots/{pool}/{volume}/{snapshot}/rename";
    public const string SnapshotHold = "/v1/snapshots/{pool}/{volume}/{snapshot}/hold";
    public const string SnapshotRelease = "/v1/snapshots/{pool}/{volume}/{snapshot}/release";
    public const string SnapshotClone = "/v1/snapshots/{pool}/{volume}/{snapshot}/clone";
    public const string Targets = "/v1/targets";
    public const string Portals = "/v1/portals";
    public const string PortalsRemove = "/v1/portals/remove";
    public const string Disks = "/v1/disks";
    public const string Jobs = "/v1/jobs";
    public const string JobCancel = "/v1/jobs/{job}/cancel";
    public const string OpenApi = "/v1/openapi.json";
    public const string Statistics = "/v1/statistics";

    /// <summary>Where Prometheus looks unless it is told otherwise.</summary>
    public const string Metrics = "/metrics";

    /// <summary>The same by the names of the OpenEBS exporter.</summary>
    public const string LegacyMetrics = "/metrics/openebs";

    public const string History = "/v1/history";
    public const string Events = "/v1/events";
    public const string EventsFollow = "/v1/events/follow";

    /// <summary>The path with its placeholders filled in, in order.</summary>
    public static string Fill(string route, params ReadOnlySpan<string> values)
    {
        foreach (string value in values)
        {
            int start = route.IndexOf('{', StringComparison.Ordinal);
            int end = route.IndexOf('}', StringComparison.Ordinal);
            route = string.Concat(route.AsSpan(0, start), Uri.EscapeDataString(value), route.AsSpan(end + 1));
        }
        return route;
    }
}
