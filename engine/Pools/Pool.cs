using Cstor.Engine.Host;
using Cstor.Engine.Maintenance;
using Cstor.Engine.Scrub;
using Cstor.Engine.Space;
using Cstor.Engine.Checking;
using Cstor.Engine.Vdevs;
using Cstor.Engine.Volumes;
using Cstor.PoolLayout;

namespace Cstor.Engine.Pools;

/// <summary>An open pool: its volumes and what may be done with them. Belongs to one loop.</summary>
public sealed class Pool
{
    private readonly PoolCore _core;
    private readonly Checkpoint _checkpoint;
    private readonly CheckpointPacer? _pacer;
    private readonly VolumeCatalog _catalog;
    private readonly PoolMaintenance _maintenance;
    private readonly PoolScan? _scan;

    internal Pool(PoolCore core, Checkpoint checkpoint, SpaceMap spaceMap)
    {
        _core = core;
        _checkpoint = checkpoint;
        SpaceMap = spaceMap;
        if (core.Log is not null) _pacer = new CheckpointPacer(core, checkpoint);
        _catalog = new VolumeCatalog(core, checkpoint, _pacer);
        _maintenance = new PoolMaintenance(core);
        _catalog.ResumeDestruction();
        if (_pacer is null) return;
        _scan = new PoolScan(core, checkpoint, _pacer) { Completed = _maintenance.OnRebuiltAsync };
        _maintenance.MembershipChanged = _scan.OnMembershipChanged;
        _scan.OnMembershipChanged();
        _maintenance.Start();
    }

    public string Name => _core.Devices.PoolName;

    public Guid Guid => _core.Devices.PoolGuid;

    /// <summary>Imported without any write.</summary>
    public bool IsReadOnly => _core.IsReadOnly;

    /// <summary>Volumes that can be used, by name.</summary>
    public IReadOnlyList<Volume> Volumes => _catalog.Online();

    /// <summary>Paths of the devices in use.</summary>
    public IReadOnlyList<string> DevicePaths => _core.Devices.Paths;

    internal PoolCore Core => _core;

    internal SpaceMap SpaceMap { get; }

    /// <summary>Null on a pool imported read-only.</summary>
    internal PoolScan? Scan => _scan;

    /// <summary>The volume of that name, without the pool's.</summary>
    public Volume? FindVolume(string shortName) => _catalog.Find(shortName);

    /// <summary>Creates a thin volume.</summary>
    /// <param name="shortName">1 to 63 letters, digits, <c>-</c>, <c>_</c> and <c>.</c>, beginning with a
    /// letter or digit.</param>
    /// <param name="sizeBytes">Rounded up to the block.</param>
    /// <param name="blockSizeBytes">A power of two, 4 KiB to 128 KiB.</param>
    /// <param name="properties">As for <see cref="SetPropertyAsync"/>.</param>
    public ValueTask<Outcome<Volume>> CreateVolumeAsync(
        string shortName, long sizeBytes, int blockSizeBytes, IReadOnlyList<KeyValuePair<string,
            string>> properties) =>
        _catalog.CreateAsync(shortName, sizeBytes, blockSizeBytes, properties);

    /// <summary>
    /// Destroys a volume: gone at once and durably, its space comes back in the background.
    /// </summary>
    public ValueTask<Outcome<Unit>> DestroyVolumeAsync(string shortName) => _catalog.DestroyAsync(shortName);

    /// <summary>Changes the size; what lies beyond a smaller end is lost.</summary>
    public ValueTask<Outcome<Unit>> ResizeVolumeAsync(string shortName, long sizeBytes) =>
        _catalog.ResizeAsync(shortName, sizeBytes);

    /// <summary>Sets a property for what is written from now on.</summary>
    public ValueTask<Outcome<Unit>> SetPropertyAsync(string shortName, string key, string value) =>
        _catalog.SetPropertyAsync(shortName, key, value);

    /// <summary>Makes everything visible part of the durable tree.</summary>
    public ValueTask<IoStatus> CheckpointAsync() =>
        _pacer is null ? new ValueTask<IoStatus>(IoStatus.ReadOnly) : _pacer.RequestAsync();

    /// <summary>Takes a device out of use until it is brought back; refused for the last good copy.</summary>
    /// <param name="device">Its path, the last part of it, or its guid.</param>
    public ValueTask<Outcome<Unit>> OfflineAsync(string device) => _maintenance.OfflineAsync(device);

    /// <summary>Brings a device back into use; it is given what it missed.</summary>
    public ValueTask<Outcome<Unit>> OnlineAsync(string device) => _maintenance.OnlineAsync(device);

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
        (string health, string reason) = Health();
        return new PoolStatus(
            Name,
            Guid,
            health,
            reason,
            space.TotalSectors * Layout.SectorBytes,
            (space.TotalSectors - space.FreeSectors) * Layout.SectorBytes,
            space.FreeForDataSectors * Layout.SectorBytes,
            _core.Checkpoint,
            _core.Epoch,
            _core.Log?.LengthBytes ?? 0,
            _core.Devices.Status(),
            [.. _core.Devices.LabelDamage(), .. _core.Damage.Report()],
            _scan is null ? _core.Scans.Status() : _scan.Status());
    }

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

    internal async ValueTask<IoStatus> CloseAsync(PoolLayout.Labels.PoolState? finalState)
    {
        IoStatus status = IoStatus.Ok;
        await _maintenance.CloseAsync();
        if (_scan is not null) await _scan.CloseAsync();
        await _catalog.CloseAsync();
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
        return ("online", "");
    }
}
