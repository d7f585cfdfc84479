using Cstor.Engine.Host;
using Cstor.Engine.Maintenance;
using Cstor.Engine.Replicas;
using Cstor.Engine.Scrub;
using Cstor.Engine.Space;
using Cstor.Engine.Statistics;
using Cstor.Engine.Checking;
using Cstor.Engine.Streams;
using Cstor.Engine.Vdevs;
using Cstor.Engine.Versions;
using Cstor.Engine.Volumes;
using Cstor.PoolLayout;

namespace Cstor.Engine.Pools;

/// <summary>An open pool: its volumes and what may be done with them. Belongs to one loop.</summary>
public sealed class Pool
{
    private readonly PoolCore _core;
    private readonly Checkpoint _checkpoint;
    private readonly CheckpointPacer? _pacer;
    private readonly DatasetChanges _changes;
    private readonly VolumeCatalog _volumes;
    private readonly SnapshotCatalog _snapshots;
    private readonly UniqueSpace _unique;
    private readonly StreamParts _parts;
    private readonly StreamGate _views;
    private readonly PoolMaintenance _maintenance;
    private readonly PoolScan? _scan;

    internal Pool(PoolCore core, Checkpoint checkpoint)
    {
        _core = core;
        _checkpoint = checkpoint;
        if (core.Log is not null) _pacer = new CheckpointPacer(core, checkpoint);
        _changes = new DatasetChanges(core);
        _volumes = new VolumeCatalog(_changes);
        _snapshots = new SnapshotCatalog(_changes, _pacer);
        _unique = new UniqueSpace(core);
        _parts = new StreamParts(core, _changes, _volumes, _snapshots, _pacer);
        _views = new StreamGate(core.Loop);
        Streams = new PoolStreams(_parts);
        _maintenance = new PoolMaintenance(core);
        core.Guarantees.Refresh();
        core.Warnings.Refresh();
        if (_pacer is null) return;
        _scan = new PoolScan(core, checkpoint, _pacer) { Completed = _maintenance.OnRebuiltAsync };
        _maintenance.MembershipChanged = _scan.OnMembershipChanged;
        _scan.OnMembershipChanged();
        _maintenance.Start();
        core.WriteBack.Start();
    }

    public string Name => _core.Devices.PoolName;

    public Guid Guid => _core.Devices.PoolGuid;

    /// <summary>Imported without any write.</summary>
    public bool IsReadOnly => _core.IsReadOnly;

    /// <summary>Volumes that can be used, by name.</summary>
    public IReadOnlyList<Volume> Volumes => _volumes.Online();

    /// <summary>Snapshots of all volumes, by volume and age.</summary>
    public IReadOnlyList<Snapshot> Snapshots => [.. Volumes.SelectMany(_changes.SnapshotsOf)];

    /// <summary>Sends snapshots and receives them.</summary>
    public PoolStreams Streams { get; }

    /// <summary>Paths of the devices in use.</summary>
    public IReadOnlyList<string> DevicePaths => _core.Devices.Paths;

    internal PoolCore Core => _core;

    /// <summary>Null on a pool imported read-only.</summary>
    internal PoolScan? Scan => _scan;

    /// <summary>The volume of that name, without the pool's.</summary>
    public Volume? FindVolume(string shortName) => _changes.FindVolume(shortName);

    /// <summary>A volume in its part as a replica of others.</summary>
    public Replica ReplicaOf(Volume volume) => new(volume, _parts, _views);

    /// <summary>The snapshot of that name, of the volume of that name.</summary>
    public Snapshot? FindSnapshot(string volume, string snapshot) =>
        FindVolume(volume) is { } owner ? _changes.FindSnapshot(owner, snapshot) : null;

    /// <summary>Creates a thin volume.</summary>
    /// <param name="shortName">1 to 63 letters, digits, <c>-</c>, <c>_</c> and <c>.</c>, beginning with a
    /// letter or digit.</param>
    /// <param name="sizeBytes">Rounded up to the block.</param>
    /// <param name="blockSizeBytes">A power of two, 4 KiB to 128 KiB.</param>
    /// <param name="properties">As for <see cref="SetPropertyAsync"/>.</param>
    public ValueTask<Outcome<Volume>> CreateVolumeAsync(
        string shortName, long sizeBytes, int blockSizeBytes, IReadOnlyList<KeyValuePair<string,
            string>> properties) =>
        _volumes.CreateAsync(shortName, sizeBytes, blockSizeBytes, properties);

    /// <summary>
    /// Destroys a volume: gone at once and durably, its space comes back in the background.
    /// </summary>
    /// <param name="shortName">Which.</param>
    /// <param name="withSnapshots">Its snapshots too; refused if it has any otherwise.</param>
    public ValueTask<Outcome<Unit>> DestroyVolumeAsync(string shortName, bool withSnapshots = false) =>
        _volumes.DestroyAsync(shortName, withSnapshots);

    /// <summary>Changes the size; what lies beyond a smaller end is lost.</summary>
    public ValueTask<Outcome<Unit>> ResizeVolumeAsync(string shortName, long sizeBytes) =>
        Streams.FaultOfReceiving(shortName) is { } fault
            ? new(fault)
            : _volumes.ResizeAsync(shortName, sizeBytes);

    /// <summary>Sets a property for what is written from now on.</summary>
    public ValueTask<Outcome<Unit>> SetPropertyAsync(string shortName, string key, string value) =>
        SetPropertiesAsync(shortName, [new(key, value)]);

    /// <summary>Sets all of them or none.</summary>
    public ValueTask<Outcome<Unit>> SetPropertiesAsync(
        string shortName, IReadOnlyList<KeyValuePair<string, string>> properties) =>
        _volumes.SetPropertiesAsync(shortName, properties);

    /// <summary>Renames a volume; what is open stays open.</summary>
    public ValueTask<Outcome<Unit>> RenameVolumeAsync(string shortName, string newName) =>
        _volumes.RenameAsync(shortName, newName);

    /// <summary>Snapshots volumes at one instant: all or none.</summary>
    /// <param name="volumes">Their names, at most some 400.</param>
    /// <param name="snapshot">1 to 63 letters, digits, <c>-</c>, <c>_</c>, <c>.</c> and <c>:</c>.</param>
    public ValueTask<Outcome<IReadOnlyList<Snapshot>>> SnapshotAsync(
        IReadOnlyList<string> volumes, string snapshot) =>
        Streams.FaultOfReceiving([.. volumes]) is { } fault
            ? new(fault)
            : _snapshots.TakeAsync(volumes, snapshot);

    /// <summary>Destroys a snapshot: gone at once, its space comes back in the background.</summary>
    public ValueTask<Outcome<Unit>> DestroySnapshotAsync(string volume, string snapshot) =>
        Streams.FaultOfReceiving(volume) is { } fault
            ? new(fault)
            : _snapshots.DestroyAsync(volume, snapshot);

    public ValueTask<Outcome<Unit>> RenameSnapshotAsync(string volume, string snapshot, string newName) =>
        _snapshots.RenameAsync(volume, snapshot, newName);

    /// <summary>Keeps a snapshot from being destroyed.</summary>
    /// <param name="volume">Its volume.</param>
    /// <param name="snapshot">Which.</param>
    /// <param name="tag">Names the hold; a snapshot may have several.</param>
    public ValueTask<Outcome<Unit>> HoldAsync(string volume, string snapshot, string tag) =>
        _snapshots.HoldAsync(volume, snapshot, tag, isHeld: true);

    /// <summary>Ends a hold.</summary>
    public ValueTask<Outcome<Unit>> ReleaseAsync(string volume, string snapshot, string tag) =>
        _snapshots.HoldAsync(volume, snapshot, tag, isHeld: false);

    /// <summary>Makes a volume that begins as the snapshot is, at once and without copying.</summary>
    public async ValueTask<Outcome<Volume>> CloneAsync(
        string volume, string snapshot, string newVolume,
        IReadOnlyList<KeyValuePair<string, string>> properties)
    {
        if (await _snapshots.FaultOfRoomAsync() is { } full) return full;
        Outcome<Snapshot> origin = _changes.Snapshot(volume, snapshot);
        return origin.Fault is { } fault
            ? fault
            : await _volumes.CloneAsync(origin.Value, newVolume, properties);
    }

    /// <summary>A clone takes over its origin and the snapshots before it.</summary>
    public ValueTask<Outcome<Unit>> PromoteAsync(string volume) => _snapshots.PromoteAsync(volume);

    /// <summary>Makes a volume what its snapshot is; what was written since is lost.</summary>
    public ValueTask<Outcome<Unit>> RollbackAsync(string volume, string snapshot, bool destroyNewer) =>
        Streams.FaultOfReceiving(volume) is { } fault
            ? new(fault)
            : _snapshots.RollbackAsync(volume, snapshot, destroyNewer);

    /// <summary>State of the snapshots of one volume or of all, with what each alone holds.</summary>
    public async ValueTask<IReadOnlyList<SnapshotStatus>> SnapshotStatusAsync(string? volume)
    {
        List<SnapshotStatus> all = [];
        foreach (Snapshot snapshot in Snapshots)
        {
            if (snapshot.IsClosed || (volume is not null && snapshot.Owner.ShortName != volume)) continue;
            long? unique = await _unique.OfAsync(snapshot);
            all.Add(VolumeStatusText.Describe(snapshot, unique, _changes.ClonesOf(snapshot)));
        }

        return all;
    }

    /// <summary>Why a snapshot cannot be destroyed now, or null.</summary>
    public Fault? ReasonToKeep(Snapshot snapshot) => SnapshotCatalog.ReasonToKeep(_changes, snapshot);

    /// <summary>Volumes made of a volume's snapshots, by name.</summary>
    public IReadOnlyList<string> ClonesOf(Volume volume) =>
        [.. _changes.SnapshotsOf(volume).SelectMany(_changes.ClonesOf).Order(StringComparer.Ordinal)];

    /// <summary>What destroying snapshots from one to another of the same volume would give back.</summary>
    public async ValueTask<Outcome<long>> ReclaimableBytesAsync(
        string volume, string firstSnapshot, string lastSnapshot)
    {
        Outcome<Snapshot> first = _changes.Snapshot(volume, firstSnapshot);
        Outcome<Snapshot> last = _changes.Snapshot(volume, lastSnapshot);
        if ((first.Fault ?? last.Fault) is { } fault) return fault;
        if (first.Value.Epoch > last.Value.Epoch)
            return new Fault("bad-range", $"{first.Value.Name} is younger than {last.Value.Name}",
                "Name the older one first");
        return await _unique.OfRunAsync(first.Value, last.Value) is { } sectors
            ? sectors * Layout.SectorBytes
            : new Fault("unknown", $"what {volume}'s snapshots hold alone cannot be found out now",
                "Try again; if it stays so, look at: cstor pool status");
    }

    /// <summary>Makes everything visible part of the durable tree.</summary>
    public ValueTask<IoStatus> CheckpointAsync() =>
        _pacer is null ? new ValueTask<IoStatus>(IoStatus.ReadOnly) : _pacer.RequestAsync();

    /// <summary>Takes a device out of use until it is brought back; refused for the last good copy.</summary>
    /// <param name="device">Its path, the last part of it, or its guid.</param>
    public ValueTask<Outcome<Unit>> OfflineAsync(string device) => _maintenance.OfflineAsync(device);

    /// <summary>Brings a device back into use; it is given what it missed.</summary>
    public ValueTask<Outcome<Unit>> OnlineAsync(string device) => _maintenance.OnlineAsync(device);

    /// <summary>
    /// The machine's disks are not what they were: devices that are gone are taken out of use, and those that
    /// were missing and are there again are brought back. What the operator took out stays out.
    /// </summary>
    public ValueTask LookAfterDevicesAsync() => _maintenance.LookAfterDevicesAsync();

    /// <summary>
    /// Puts a new device in the place of an old one, which leaves when the new one is complete.
    /// </summary>
    /// <param name="device">The old one: path, last part of the path, or guid.</param>
    /// <param name="newPath">Null: a new device under the old one's path.</param>
    /// <param name="force">Also if the new device carries something; never if it is in use.</param>
    public ValueTask<Outcome<Unit>> ReplaceAsync(string device, string? newPath, bool force) =>
        _maintenance.ReplaceAsync(device, newPath, force);

    /// <summary>Makes a plain device a mirror, or a mirror wider.</summary>
    public ValueTask<Outcome<Unit>> AttachAsync(string device, string newPath, bool force) =>
        _maintenance.AttachAsync(device, newPath, force);

    /// <summary>
    /// Takes a device out of its mirror, a half out of a replacement, or a spare out of the pool.
    /// </summary>
    public ValueTask<Outcome<Unit>> DetachAsync(string device) => _maintenance.DetachAsync(device);

    /// <summary>Adds top-level vdevs, log devices or spares.</summary>
    /// <param name="vdevs">At least one.</param>
    /// <param name="force">Overwrites what devices carry.</param>
    /// <param name="dryRun">Check everything, write nothing.</param>
    public ValueTask<Outcome<CreationPlan>> AddAsync(
        IReadOnlyList<VdevSpec> vdevs, bool force, bool dryRun) =>
        _maintenance.AddAsync(vdevs, force, dryRun);

    /// <summary>
    /// Forgets counted errors and gives devices that were taken out for them another chance.
    /// </summary>
    /// <param name="device">One device, or null for all.</param>
    public ValueTask<Outcome<Unit>> ClearAsync(string? device) => _maintenance.ClearAsync(device);

    /// <summary>Begins, pauses or stops a scrub.</summary>
    public ValueTask<Outcome<Unit>> ScrubAsync(ScrubCommand command)
    {
        if (_scan is not null) return _scan.CommandAsync(command);
        Fault fault = new(
            "pool-readonly", $"pool '{Name}' is imported read-only", "Export and import it again");
        return new ValueTask<Outcome<Unit>>(fault);
    }

    /// <summary>
    /// Verifies the whole pool at its newest root: pointers, checksums, parity, accounting.
    /// </summary>
    public ValueTask<Outcome<CheckReport>> CheckAsync() => CheckPoolAsync();

    public PoolStatus Status()
    {
        SpaceAllocator space = _core.Allocator;
        // Anybody's on demand.
        long held = _core.Ledger.HeldSectors;
        (string health, string reason) = Health();
        return new PoolStatus(
            Name,
            Guid,
            health,
            reason,
            space.TotalSectors * Layout.SectorBytes,
            (space.TotalSectors - space.FreeSectors - held) * Layout.SectorBytes,
            Math.Max(0, space.FreeForDataSectors + held - space.GuaranteedSectors) * Layout.SectorBytes,
            PoolSpace.Of(_core),
            _core.Checkpoint,
            _core.Epoch,
            _core.Log?.LengthBytes ?? 0,
            _core.Devices.Status(),
            [.. _core.Devices.LabelDamage(), .. _core.Damage.Report()],
            _scan is null ? _core.Scans.Status() : _scan.Status(),
            _core.Cache.Status())
        {
            ReservedBytes = space.GuaranteedSectors * Layout.SectorBytes,
        };
    }

    /// <summary>How each device fared since it was opened.</summary>
    public IReadOnlyList<DeviceIo> DeviceIo() => _core.Devices.Io();

    /// <summary>Stops taking requests, makes everything durable and closes the devices.</summary>
    /// <param name="exported">The labels shall say that any host may import the pool.</param>
    /// <returns>Not Ok if something could not be made durable; the pool is closed all the same.</returns>
    public ValueTask<IoStatus> CloseAsync(bool exported) =>
        CloseAsync(exported ? PoolLayout.Labels.PoolState.Exported : null);

    /// <summary>
    /// Waits for devices that hang no longer than the deadline of one read, from now on, however many they
    /// are: before a close that must come to an end.
    /// </summary>
    public void Hurry() => _core.Devices.Watch.Hurry();

    internal void SetDeadlines(DeviceDeadlines deadlines) => _core.Devices.Watch.Deadlines = deadlines;

    internal async ValueTask<IoStatus> CloseAsync(PoolLayout.Labels.PoolState? finalState)
    {
        IoStatus status = IoStatus.Ok;
        await _maintenance.CloseAsync();
        if (_scan is not null) await _scan.CloseAsync();
        await _unique.CloseAsync();
        await Streams.CloseAsync();
        await _views.CloseAsync();
        await _volumes.CloseAsync();
        await _core.WriteBack.CloseAsync();
        if (_pacer is not null)
        {
            status = await _pacer.RequestAsync();
            await _pacer.CloseAsync();
        }

        if (status == IoStatus.Ok && finalState is { } state && !IsReadOnly)
            status = await _core.Devices.WriteLabelsAsync(state);
        await _core.CloseAsync();
        return status;
    }

    private async ValueTask<Outcome<CheckReport>> CheckPoolAsync() => await PoolChecker.CheckAsync(this);

    private (string Health, string Reason) Health()
    {
        if (_core.Stopped != IoStatus.Ok) return ("stopped", _core.StopReason);
        IReadOnlyList<string> lacking = _core.Devices.Lacking();
        string names = string.Join(", ", lacking);
        if (_core.IsReadOnly)
        {
            return ("readonly", lacking.Count == 0
                ? "imported with --readonly"
                : $"imported with --readonly; gone or out of date: {names}. "
                    + "What only they hold cannot be read");
        }

        if (lacking.Count > 0)
            return ("degraded",
                $"not in use or not up to date: {names}. The others of their vdevs have all data");
        return ("online", _core.Warnings.Describe());
    }
}
