using Cstor.Daemon.Api;
using Cstor.Engine.Host;
using Cstor.Engine.Pools;
using Cstor.Engine.Rewind;
using Cstor.Target;

namespace Cstor.Tests.Daemon.Api;

/// <summary>
/// Notes what it is asked, and answers what the test wants: <see cref="Fault"/> if there is one.
/// </summary>
internal sealed class FakeAdministration : IAdministration
{
    public static readonly Guid Guid = new("11111111-2222-4333-8444-555555555555");

    public List<object> Asked { get; } = [];

    public Fault? Fault { get; set; }

    public bool Throws { get; set; }

    public bool Hangs { get; set; }

    public IStreamAdministration Streams => StreamsAsked;

    public FakeStreamAdministration StreamsAsked { get; } = new();

    public IJobAdministration Jobs => JobsAsked;

    public FakeJobAdministration JobsAsked { get; } = new();

    public IObservation Observation => Observed;

    public FakeObservation Observed { get; } = new();

    public Task<Outcome<HealthView>> HealthAsync() => Answer("health", new HealthView("ok", "0.1.0", 1, 0));

    public Task<Outcome<PoolStatus[]>> ListPoolsAsync() => Answer("pools", new[] { Tank() });

    /// <summary>What the pool's status says, one after the other; the last of them stays.</summary>
    public Queue<PoolStatus> Statuses { get; } = [];

    public CheckView Check { get; set; } = new("tank", 1234, 5L << 30, 0, [], []);

    public Task<Outcome<PoolStatus>> GetPoolAsync(string nameOrGuid) => Answer(
        nameOrGuid,
        Statuses.Count > 1 ? Statuses.Dequeue() : Statuses.TryPeek(out PoolStatus? last) ? last : Tank());

    public Task<Outcome<ActionReport>> CreatePoolAsync(CreatePoolRequest request) => Report(request);

    public Task<Outcome<ImportScanView>> ScanAsync(string[] search) => Answer(
        string.Join(' ', search),
        new ImportScanView(
            [new("lost", Guid, "degraded", "", "node-2", false, ["/dev/sdx"],
                [new(Guid, "/dev/sdz", "0.1")])],
            ["/dev/sdy: I/O error"]));

    public RewindPlan Rewind { get; set; } = new(
        "tank", Guid, 12, "", false,
        [
            new(4711, 1_795_000_000_000_000_000, 0, "dataset table: gone", [], []),
            new(4710, 1_794_999_940_000_000_000, 60_000_000_000, "", [new("db", 10L << 30)],
                [
                    new("db", RewindLoss.Written, 40_960, 10), new("new", RewindLoss.Created, 1L << 30, 0),
                    new("old", RewindLoss.Destroyed, 2L << 30, 0), new("x", RewindLoss.Unknown, 0, 0),
                ]),
        ]);

    public Task<Outcome<RewindPlan>> PlanRewindAsync(string pool, string[] search, bool force, bool data) =>
        Answer($"{pool} {string.Join(' ', search)} {force} {data}", Rewind);

    public Task<Outcome<ActionReport>> ImportPoolAsync(ImportPoolRequest request) => Report(request);

    public Task<Outcome<ActionReport>> ExportPoolAsync(string pool, ChangeRequest request) =>
        Report((pool, request));

    public Task<Outcome<ActionReport>> DestroyPoolAsync(string pool, ChangeRequest request) =>
        Report((pool, request));

    public Task<Outcome<ActionReport>> AddVdevsAsync(string pool, AddVdevsRequest request) =>
        Report((pool, request));

    public Task<Outcome<ActionReport>> AttachDeviceAsync(string pool, AttachDeviceRequest request) =>
        Report((pool, request));

    public Task<Outcome<ActionReport>> DetachDeviceAsync(string pool, DeviceRequest request) =>
        Report(("detach", pool, request));

    public Task<Outcome<ActionReport>> ReplaceDeviceAsync(string pool, ReplaceDeviceRequest request) =>
        Report((pool, request));

    public Task<Outcome<ActionReport>> OfflineDeviceAsync(string pool, DeviceRequest request) =>
        Report(("offline", pool, request));

    public Task<Outcome<ActionReport>> OnlineDeviceAsync(string pool, DeviceRequest request) =>
        Report(("online", pool, request));

    public Task<Outcome<ActionReport>> ClearPoolAsync(string pool, ClearRequest request) =>
        Report((pool, request));

    public Task<Outcome<ActionReport>> ScrubPoolAsync(string pool, ScrubRequest request) =>
        Report((pool, request));

    public Task<Outcome<CheckView>> CheckPoolAsync(string pool) => Answer(("check", pool), Check);

    public Task<Outcome<VolumeView[]>> ListVolumesAsync(string? pool) =>
        Answer(pool ?? "all", new[] { Db() });

    public Task<Outcome<VolumeView>> GetVolumeAsync(string pool, string volume) =>
        Answer($"{pool}/{volume}", Db());

    public Task<Outcome<ActionReport>> CreateVolumeAsync(CreateVolumeRequest request) => Report(request);

    public Task<Outcome<ActionReport>> DestroyVolumeAsync(
        string pool, string volume, DestroyVolumeRequest request) =>
        Report((pool, volume, request));

    public Task<Outcome<ActionReport>> RenameVolumeAsync(
        string pool, string volume, RenameVolumeRequest request) =>
        Report((pool, volume, request));

    public Task<Outcome<ActionReport>> PromoteVolumeAsync(
        string pool, string volume, PromoteRequest request) =>
        Report((pool, volume, request));

    public Task<Outcome<ActionReport>> RollbackVolumeAsync(
        string pool, string volume, RollbackRequest request) =>
        Report((pool, volume, request));

    public Task<Outcome<SnapshotStatus[]>> ListSnapshotsAsync(string? pool, string? volume) =>
        Answer((pool, volume), Snapshots);

    public Task<Outcome<SnapshotStatus>> GetSnapshotAsync(string pool, string volume, string snapshot) =>
        Answer((pool, volume, snapshot), Snapshots[0]);

    public Task<Outcome<ActionReport>> CreateSnapshotsAsync(CreateSnapshotsRequest request) =>
        Report(request);

    public Task<Outcome<ActionReport>> DestroySnapshotsAsync(
        string pool, string volume, DestroySnapshotsRequest request) =>
        Report((pool, volume, request));

    public Task<Outcome<ActionReport>> RenameSnapshotAsync(
        string pool, string volume, string snapshot, RenameSnapshotRequest request) =>
        Report((pool, volume, snapshot, request));

    public Task<Outcome<ActionReport>> HoldSnapshotAsync(
        string pool, string volume, string snapshot, HoldRequest request) =>
        Report(("hold", pool, volume, snapshot, request));

    public Task<Outcome<ActionReport>> ReleaseSnapshotAsync(
        string pool, string volume, string snapshot, HoldRequest request) =>
        Report(("release", pool, volume, snapshot, request));

    public Task<Outcome<ActionReport>> CloneSnapshotAsync(
        string pool, string volume, string snapshot, CloneRequest request) =>
        Report((pool, volume, snapshot, request));

    public Task<Outcome<ActionReport>> ResizeVolumeAsync(
        string pool, string volume, ResizeVolumeRequest request) =>
        Report((pool, volume, request));

    public Task<Outcome<ActionReport>> SetPropertiesAsync(
        string pool, string volume, SetPropertiesRequest request) =>
        Report((pool, volume, request));

    public Task<Outcome<TargetView[]>> ListTargetsAsync() => Answer("targets", new[]
    {
        new TargetView(
            "iqn.2026-11.io.cstor:tank.db", "tank/db", 10L << 30, ["10.0.0.1:3260"], "chap", "", 3, 1,
            new IoCounters(12, 7, 4, 1, 28672, 16384, 0, 0, 0), [new UnitCounters(0, 7, 4, 28672, 16384)],
            [
                new("iqn.x:1", "10.0.0.9:4711", "10.0.0.1:3260", 1, "00023d000001", 5, true, false, 2,
                    new IoCounters(9, 6, 3, 0, 24576, 12288, 0, 0, 0)),
            ]),
    });

    public Task<Outcome<ActionReport>> AddPortalAsync(PortalRequest request) => Report(request);

    public Task<Outcome<ActionReport>> RemovePortalAsync(PortalRequest request) => Report(request);

    public Task<Outcome<DiskView[]>> ListDisksAsync() => Answer("disks", new[]
    {
        new DiskView("/dev/sda", 1L << 40, "ACME 1", "S1", 512, 4096, true, "", "mounted on /"),
        new DiskView("/dev/sdb", 1L << 40, "", "", 4096, 4096, false, "tank", ""),
    });

    public static PoolStatus Tank() => new(
        "tank",
        Guid,
        "degraded",
        "/dev/sdc is missing. Replace it",
        100L << 30,
        25L << 30,
        70L << 30,
        new DataStatus(40L << 30, 20L << 30, 0, []),
        17,
        3,
        4096,
        [
            new("mirror", "data", Guid, "", "degraded", 100L << 30, 0, 0, 0, "",
            [
                new("disk", "data", Guid, "/dev/sdb", "online", 100L << 30, 0, 0, 2, "", []),
                new("disk", "data", Guid, "/dev/sdc", "missing", 100L << 30, 1, 0, 0, "", []),
            ]),
        ],
        [new("data", "tank/db block 4711 at 0:8812", 2, 2)],
        null,
        new(12L << 20, 240L << 20, 256L << 20, 1L << 30, 1L << 30, 9990, 10, 750, 250, 200, 190, 40, 0));

    /// <summary>Two of a volume, the older one held and cloned.</summary>
    public SnapshotStatus[] Snapshots { get; set; } =
    [
        new("tank/db@monday", Guid, "tank/db", Noon, 10L << 30, 1L << 30, 300L << 20, 3L << 30, ["backup"],
            ["tank/test"], "online", 0),
        new("tank/db@tuesday", Guid, "tank/db", Noon.AddDays(1), 10L << 30, 2L << 30, null, 3L << 30, [], [],
            "online", 0),
    ];

    public Task<Outcome<PeerView[]>> ListPeersAsync() => Answer<PeerView[]>(
        "peers",
        [
            new("node1", "10.0.0.1:3270", "this node", ""), new("node2", "10.0.0.2:3270", "connected", ""),
            new("node3", "10.0.0.3:3270", "not connected", "connection refused"),
        ]);

    public Task<Outcome<ActionReport>> AddPeerAsync(PeerChangeRequest request) => Report(request);

    public Task<Outcome<ActionReport>> RemovePeerAsync(PeerChangeRequest request) => Report(request);

    public Task<Outcome<ActionReport>> AddReplicaAsync(
        string pool, string volume, ReplicaChangeRequest request) => Report((pool, volume, request));

    public Task<Outcome<ActionReport>> RemoveReplicaAsync(
        string pool, string volume, ReplicaChangeRequest request) => Report((pool, volume, request));

    public Task<Outcome<ActionReport>> LeadVolumeAsync(
        string pool, string volume, ReplicaChangeRequest request) => Report((pool, volume, request));

    public Task<Outcome<ActionReport>> VerifyVolumeAsync(string pool, string volume) =>
        Report((pool, volume));

    public Task<Outcome<ReplicationView>> GetReplicationAsync(string pool, string volume) => Answer(
        $"{pool}/{volume}",
        new ReplicationView(
            "node1", 7, "judge", "node1",
            [new("node1", "tank", "leads", ""), new("node2", "pond", "joining", "12% compared")]));

    private static readonly DateTimeOffset Noon = new(2026, 11, 21, 12, 0, 0, TimeSpan.Zero);

    private static VolumeView Db() => new(
        "tank/db",
        Guid,
        10L << 30,
        16384,
        3L << 29,
        1L << 29,
        1L << 30,
        3L << 30,
        3.25,
        Noon,
        "online",
        "",
        ["tank/test"],
        2,
        new SortedDictionary<string, string> { ["compression"] = "zstd", ["sync"] = "standard" },
        "iqn.2026-11.io.cstor:tank.db",
        "",
        1);

    private Task<Outcome<ActionReport>> Report(object request) =>
        Answer(request, new ActionReport(false, ["done", "and noted"]));

    private async Task<Outcome<T>> Answer<T>(object asked, T answer)
    {
        Asked.Add(asked);
        if (Hangs) await new TaskCompletionSource().Task;
        if (Throws) throw new InvalidOperationException("planted");
        return Fault is null ? answer : Fault;
    }
}
