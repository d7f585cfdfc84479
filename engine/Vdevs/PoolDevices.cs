// All top-level vdevs of one open pool: the engine speaks of (vdev, sector) places, this class finds the
// devices. Besides data it owns what must be true of the devices together: which of them are in use
// (Membership), what their labels say, and where roots go (UberblockRings).
//
// Order that makes a crash safe: a change of membership is durable in the labels before the flush that
// follows it is acknowledged. The same holds for the state: the labels of a pool just opened for writing say
// "active on this host" and name the missing devices before anything is acknowledged as durable, and a pool
// under creation becomes "active" only after its first root was flushed.
using Cstor.Engine.Host;
using Cstor.Engine.Pools;
using Cstor.Engine.Statistics;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Labels;
using Cstor.Raid;
using Microsoft.Extensions.Logging;

namespace Cstor.Engine.Vdevs;

/// <summary>The devices of one pool. Belongs to one loop.</summary>
internal sealed partial class PoolDevices
{
    private readonly ILoop _loop;
    private readonly ILogger _log;
    private readonly PoolIdentity _identity;
    private readonly Membership _membership;
    private readonly AsyncGate _labelGate = new();
    private readonly Stack<PoolFlush> _idleFlushes = new(16);
    private PoolTree _tree;
    private readonly BranchHistory _branches;
    private ulong _generation;

    internal PoolDevices(
        ILoop loop,
        ILogger log,
        PoolIdentity identity,
        Membership membership,
        PoolTree tree,
        PoolState state,
        ulong generation,
        BranchHistory branches,
        bool isReadOnly)
    {
        _loop = loop;
        _log = log;
        _identity = identity;
        _membership = membership;
        _tree = tree;
        _generation = generation;
        _branches = branches;
        State = state;
        IsReadOnly = isReadOnly;
        Watch = new DeviceWatch(
            loop, log, identity.Name, () => [.. _tree.Vdevs.Select(vdev => vdev.Devices), _tree.Spares])
        {
            Hangs = OnHang,
        };
    }

    /// <summary>Deadlines of the devices.</summary>
    internal DeviceWatch Watch { get; }

    /// <summary>
    /// Checks all devices of all vdevs, then wipes and labels them. After a refusal no byte has changed. The
    /// pool counts as created once the first root was written and flushed. Force overwrites what another pool
    /// or a file system left, never what is in use; the host is for the labels.
    /// </summary>
    public static ValueTask<Outcome<PoolDevices>> CreateAsync(
        ILoop loop,
        ILogger log,
        string poolName,
        Guid poolGuid,
        IReadOnlyList<VdevSpec> specs,
        bool force,
        HostIdentity? host = null) =>
        PoolCreation.CreateAsync(loop, log, host ?? HostIdentity.Unknown, poolName, poolGuid, specs, force);

    /// <summary>All the checks of creation and none of its writes: <c>pool create -n</c>.</summary>
    public static ValueTask<Outcome<CreationPlan>> CheckCreateAsync(
        ILoop loop, string poolName, IReadOnlyList<VdevSpec> specs, bool force) =>
        PoolCreation.CheckAsync(loop, poolName, specs, force);

    /// <summary>
    /// Reads the labels of all paths, some at a time, and puts together the pools they tell of.
    /// </summary>
    public static ValueTask<ImportScan> ScanAsync(ILoop loop, IReadOnlyList<string> paths) =>
        PoolScanner.ScanAsync(loop, paths);

    /// <summary>
    /// Opens the devices of a pool that was found; writes nothing. For writing, the engine chooses a root,
    /// sets <see cref="Epoch"/> and calls <see cref="WriteLabelsAsync"/> before it changes anything. Force
    /// takes a pool last active on another host, destroyed, or diverged; never one that lacks devices.
    /// </summary>
    public static ValueTask<Outcome<PoolDevices>> OpenAsync(
        ILoop loop,
        ILogger log,
        ImportCandidate candidate,
        bool readOnly,
        bool force,
        HostIdentity? host = null) =>
        PoolOpening.OpenAsync(loop, log, host ?? HostIdentity.Unknown, candidate, readOnly, force);

    public string PoolName => _identity.Name;

    public Guid PoolGuid => _identity.Guid;

    /// <summary>What the labels say, or will say after the next flush.</summary>
    public PoolState State { get; private set; }

    public bool IsReadOnly { get; }

    /// <summary>Generation of the newest configuration written.</summary>
    public ulong Generation => _generation;

    /// <summary>See <see cref="PoolLabel.Branches"/>.</summary>
    public IReadOnlyList<ulong> Branches => _branches.Newest;

    /// <summary>
    /// Oldest epoch in which a block written from now on can be born. The engine sets it when it has chosen a
    /// root and whenever it advances; a device that fails is recorded as lacking what is born from then on.
    /// </summary>
    public ulong Epoch
    {
        get => _membership.Epoch;
        set
        {
            _membership.Epoch = value;
            ExcludeAbsent();
        }
    }

    /// <summary>Told when a device was taken out of use, whatever for.</summary>
    internal Action DeviceExcluded
    {
        get => _membership.Excluded;
        set => _membership.Excluded = value;
    }

    /// <summary>The vdevs and spares now.</summary>
    internal PoolTree Tree => _tree;

    /// <summary>Top-level vdevs that places can name.</summary>
    public int VdevCount => _tree.Vdevs.Length;

    /// <summary>A device is missing or was taken out of use.</summary>
    public bool IsDegraded =>
        !Array.TrueForAll(_tree.Vdevs, vdev => Array.TrueForAll(vdev.Devices, device => device.IsCurrent));

    /// <summary>Devices of vdevs that are missing, out of use or not up to date, for people.</summary>
    public IReadOnlyList<string> Lacking() =>
    [
        .. _tree.Vdevs.SelectMany(vdev => vdev.Devices).Where(device => !device.IsCurrent)
            .Select(device => device.Path.Length == 0 ? $"device {device.Guid}" : device.Path),
    ];

    /// <summary>Sectors that places can address on a vdev; sector 0 is never allocated.</summary>
    public long SectorCount(int vdev) => _tree.Vdevs[vdev].SectorCount;

    /// <summary>How blocks lie on a vdev, and how many sectors they take.</summary>
    public VdevGeometry Geometry(int vdev) => _tree.Vdevs[vdev].Geometry;

    /// <summary>What a vdev is for: data of every sort, or the commit log alone.</summary>
    public VdevRole Role(int vdev) => _tree.Vdevs[vdev].Role;

    /// <summary>Whether what is written to a vdev now can be read back.</summary>
    public bool Stands(int vdev) => _tree.Vdevs[vdev].StandsWithout(null);

    /// <summary>Whether any device of a vdev can be asked at all.</summary>
    public bool IsReadable(int vdev) =>
        Array.Exists(_tree.Vdevs[vdev].Devices, device => device.IsReadable);

    /// <summary>How often a vdev for the log was lost; see <see cref="Vdev.Losses"/>.</summary>
    public int Losses(int vdev) => _tree.Vdevs[vdev].Losses;

    /// <summary>Of all vdevs.</summary>
    public int LossCount
    {
        get
        {
            int count = 0;
            foreach (Vdev vdev in _tree.Vdevs) count += vdev.Losses;
            return count;
        }
    }

    /// <summary>
    /// Reads a run of a vdev's sectors as they lie, parity and padding included; what cannot be read is
    /// zero. For finding log groups whose length nobody knows: a block's first data sector lies <see
    /// cref="VdevGeometry.Parity"/> sectors behind its place.
    /// </summary>
    public ValueTask<IoStatus> ReadRawAsync(BlockPlace place, IoSlice into) =>
        FindRaw(place, into.LengthBytes >> Layout.SectorShift)?.ReadRawAsync(place.Sector, into)
            ?? OutOfRange();

    /// <summary>
    /// Reads from the device that answers best, from another if that one fails. Contents are not verified.
    /// </summary>
    /// <param name="place">Beginning of a block, or a sector in it where the vdev has no parity.</param>
    /// <param name="into">Whole sectors.</param>
    public ValueTask<IoStatus> ReadAsync(BlockPlace place, IoSlice into) =>
        Find(place, into.LengthBytes)?.ReadAsync(place.Sector, into) ?? OutOfRange();

    public ValueTask<IoStatus> ReadAsync(BlockPlace place, ReadOnlySpan<IoSlice> into) =>
        Find(place, LengthOf(into))?.ReadAsync(place.Sector, into) ?? OutOfRange();

    /// <summary>Reads and judges every part of a block; see <see cref="Vdev.ExamineAsync"/>.</summary>
    public ValueTask<Examination> ExamineAsync(
        BlockPlace place, IoSlice into, Func<IoSlice, bool> isRight, ExamineMode mode)
    {
        if (Find(place, into.LengthBytes) is not { } vdev)
            return new ValueTask<Examination>(new Examination(IoStatus.OutOfRange, 0, 0, ""));
        return vdev.ExamineAsync(place.Sector, into, isRight, IsReadOnly ? ExamineMode.Verify : mode);
    }

    /// <summary>
    /// Writes verified blocks to those devices that are being brought up to date; see <see
    /// cref="Vdev.RebuildAsync"/>.
    /// </summary>
    public ValueTask<IoStatus> RebuildAsync(BlockPlace place, ReadOnlySpan<IoSlice> blocks) => IsReadOnly
        ? new ValueTask<IoStatus>(IoStatus.ReadOnly)
        : Find(place, LengthOf(blocks))?.RebuildAsync(place.Sector, blocks) ?? OutOfRange();

    /// <summary>
    /// Writes to every device in use of the vdev. Ok: each device that is in use now has it; those of a
    /// mirror that failed are no longer in use, and the next flush makes that durable before it answers.
    /// </summary>
    public ValueTask<IoStatus> WriteAsync(BlockPlace place, IoSlice from) => IsReadOnly
        ? new ValueTask<IoStatus>(IoStatus.ReadOnly)
        : Find(place, from.LengthBytes)?.WriteAsync(place.Sector, from) ?? OutOfRange();

    public ValueTask<IoStatus> WriteAsync(BlockPlace place, ReadOnlySpan<IoSlice> from) => IsReadOnly
        ? new ValueTask<IoStatus>(IoStatus.ReadOnly)
        : Find(place, LengthOf(from))?.WriteAsync(place.Sector, from) ?? OutOfRange();

    /// <summary>
    /// Tells the devices that a range holds nothing of value. NotSupported where none of them cares.
    /// </summary>
    public ValueTask<IoStatus> DiscardAsync(BlockPlace place, int sectors) => IsReadOnly
        ? new ValueTask<IoStatus>(IoStatus.ReadOnly)
        : FindRaw(place, sectors)?.DiscardAsync(place.Sector, sectors) ?? OutOfRange();

    /// <summary>
    /// Makes every write that completed before this call durable, on every device in use that has writes
    /// which no flush covers; then, if devices were taken out of use, the labels that say so.
    /// A vdev for the log that is lost is left out: who has groups there must ask (see <see cref="Losses"/>).
    /// </summary>
    public ValueTask<IoStatus> FlushAsync()
    {
        if (IsReadOnly) return new ValueTask<IoStatus>(IoStatus.Ok);
        return _tree.Vdevs.Length == 1 && _tree.Vdevs[0].Devices.Length == 1 && !_membership.IsUnsaved
            ? _tree.Vdevs[0].FlushAsync()
            : (_idleFlushes.TryPop(out PoolFlush? idle) ? idle : new PoolFlush(this)).Start(_tree.Vdevs);
    }

    /// <summary>
    /// Writes a root into all four labels of every device in use; not flushed: the caller flushes before and
    /// after. Ok if import cannot miss it once flushed (see <see cref="UberblockRings"/>).
    /// </summary>
    /// <param name="uberblock">One sector.</param>
    /// <param name="number">Number of the checkpoint, which chooses the slot.</param>
    public async ValueTask<IoStatus> WriteUberblockAsync(IoSlice uberblock, ulong number)
    {
        Check.That(uberblock.LengthBytes == Layout.UberblockBytes);
        if (IsReadOnly) return IoStatus.ReadOnly;
        IoStatus status = await UberblockRings.WriteAsync(_tree.Vdevs, uberblock, number);
        if (status == IoStatus.Ok && State == PoolState.Creating)
        {
            State = PoolState.Active;
            _membership.Touch();
        }

        return status;
    }

    /// <summary>
    /// All valid roots on the devices in use, and what is damaged. Writing a root again repairs its copies.
    /// </summary>
    public ValueTask<UberblockScan> ReadUberblocksAsync() =>
        UberblockRings.ReadAsync(_tree.Vdevs, _identity.Guid, _loop.Buffers);

    /// <summary>A device that is about to be in use forgets roots that are not this pool's past.</summary>
    public ValueTask<IoStatus> ClearRootsAboveAsync(PoolDevice device, ulong number) =>
        UberblockRings.ClearAboveAsync(device, number, _loop.Buffers);

    /// <summary>Writes the labels with a new state or a changed configuration, durably.</summary>
    public async ValueTask<IoStatus> WriteLabelsAsync(PoolState state)
    {
        if (IsReadOnly) return IoStatus.ReadOnly;
        State = state;
        _membership.Touch();
        return await SaveAsync();
    }

    /// <summary>
    /// Closes all devices once their I/O has ended. Writes nothing: a clean end is <see
    /// cref="WriteLabelsAsync"/>.
    /// </summary>
    public async ValueTask CloseAsync()
    {
        foreach (PoolDevice device in _tree.Devices) await device.CloseAsync();
    }

    /// <summary>Paths of the devices in use.</summary>
    public IReadOnlyList<string> Paths =>
        [
            .. _tree.Devices
                .Where(device => device.IsPresent).Select(device => device.Path),
        ];

    /// <summary>The vdev tree with states and error counts.</summary>
    public IReadOnlyList<VdevStatus> Status() =>
        [.. _tree.Vdevs.Select(DeviceReport.Of), .. _tree.Spares.Select(DeviceReport.OfSpare)];

    /// <summary>How each device fared, by vdev.</summary>
    public IReadOnlyList<DeviceIo> Io() =>
    [
        .. _tree.Vdevs.SelectMany((vdev, index) => vdev.Devices.Select(
            device => DeviceReport.IoOf(device, DeviceReport.NameOf(vdev, index)))),
        .. _tree.Spares.Select(spare => DeviceReport.IoOf(spare, "spare")),
    ];

    /// <summary>Labels found damaged at opening, and whether they were rewritten since.</summary>
    public IReadOnlyList<DamageReport> LabelDamage() =>
        [.. _tree.Devices.SelectMany(DeviceReport.DamageOf)];

    /// <summary>The labels on disk do not name all devices that are out of use.</summary>
    internal bool HasUnsavedMembership => _membership.IsUnsaved;

    /// <summary>Takes a device out of use.</summary>
    internal void Exclude(PoolDevice device, VdevState state, string reason) =>
        _membership.Exclude(device, state, reason);

    /// <summary>Opens the vdevs of a configuration as part of this pool; they join by <see
    /// cref="SaveTreeAsync"/>.</summary>
    internal PoolTree OpenTree(IReadOnlyList<VdevConfig> configs, PoolDevice[] devices)
    {
        foreach (PoolDevice device in devices) Watch.Adopt(device);
        return PoolTree.Open(configs, devices, _loop, _membership);
    }

    /// <summary>Whether the labels have room for a tree.</summary>
    internal bool FitsLabel(PoolTree tree) => LabelBlock.Fits(
        _identity.Label(
        State, _generation + 1, BranchHistory.Longest, tree.Devices.First().Guid, tree.Configs()));

    /// <summary>Makes a changed tree the pool's, durably.</summary>
    internal async ValueTask<IoStatus> SaveTreeAsync(PoolTree tree)
    {
        _tree = tree;
        foreach (PoolDevice device in tree.Devices) Watch.Adopt(device);
        _membership.Touch();
        return await SaveAsync();
    }

    internal void Recycle(PoolFlush flush) => _idleFlushes.Push(flush);

    // What can do without it goes on at once; the rest waits until it answers.
    private void OnHang(PoolDevice device)
    {
        Array.Find(_tree.Vdevs, vdev => vdev.Devices.Contains(device))?.OnHang(device);
    }

    private static ValueTask<IoStatus> OutOfRange() => new(IoStatus.OutOfRange);

    private static long LengthOf(ReadOnlySpan<IoSlice> slices)
    {
        long lengthBytes = 0;
        foreach (IoSlice slice in slices) lengthBytes += slice.LengthBytes;
        return lengthBytes;
    }

    // What was not there at opening misses what is written from now on; the epoch is known only after a root
    // was chosen.
    private void ExcludeAbsent()
    {
        if (IsReadOnly) return;
        foreach (PoolDevice device in _tree.Vdevs.SelectMany(vdev => vdev.Devices))
            _membership.ExcludeAbsent(device);
    }

    private Vdev? Find(BlockPlace place, long lengthBytes)
    {
        if ((uint)place.Vdev >= (uint)_tree.Vdevs.Length) return null;
        Vdev vdev = _tree.Vdevs[place.Vdev];
        return vdev.Contains(place.Sector, lengthBytes) ? vdev : null;
    }

    private Vdev? FindRaw(BlockPlace place, long sectors) =>
        (uint)place.Vdev < (uint)_tree.Vdevs.Length
            && _tree.Vdevs[place.Vdev].ContainsRaw(place.Sector, sectors)
            ? _tree.Vdevs[place.Vdev]
            : null;

    // A device that fails its label is taken out of use, which is one more change: hence the loop, bounded by
    // the devices.
    internal async ValueTask<IoStatus> SaveAsync()
    {
        ExcludeAbsent();
        await _labelGate.EnterAsync();
        IoStatus status = IoStatus.Ok;
        while (_membership.IsUnsaved && status == IoStatus.Ok)
        {
            long version = _membership.Version;
            status = await WriteLabelsOnceAsync();
            if (status == IoStatus.Ok) _membership.OnSaved(version);
        }

        _labelGate.Leave();
        return status;
    }

    private async ValueTask<IoStatus> WriteLabelsOnceAsync()
    {
        ulong generation = ++_generation;
        PoolTree tree = _tree;
        VdevConfig[] configs = tree.Configs();
        _branches.Advance(configs, _loop);
        PoolDevice[][] groups = [.. tree.Vdevs.Select(vdev => vdev.Devices), tree.Spares];
        IoBatch writes = new();
        foreach (PoolDevice device in groups.SelectMany(group => group))
        {
            PoolLabel label = _identity.Label(State, generation, Branches, device.Guid, configs);
            if (device.IsWritable) writes.Add(LabelStore.WriteAsync(device, label, _loop.Buffers));
            // Not asked, so not to be judged: it may come back meanwhile.
            else writes.Add(new ValueTask<IoStatus>(IoStatus.Ok));
        }

        IoStatus failure = IoStatus.DeviceGone;
        bool isSafe = false;
        for (int group = 0; group < groups.Length; group++)
        {
            PoolDevice[] devices = groups[group];
            IoStatus[] statuses = await writes.NextAsync(devices.Length);
            for (int i = 0; i < statuses.Length; i++)
                devices[i].LabelsRewritten |= statuses[i] == IoStatus.Ok;
            if (group == tree.Vdevs.Length) continue;
            IoStatus settled = tree.Vdevs[group].Settle(devices, statuses, "failed to take its label");
            if (tree.Vdevs[group].Role != VdevRole.Data) continue;
            if (settled == IoStatus.Ok) isSafe = true;
            else failure = settled;
        }

        if (isSafe) LogLabels(_log, _identity.Name, generation, State);
        return isSafe ? IoStatus.Ok : failure;
    }

    [LoggerMessage(
        Level = LogLevel.Debug,
        Message = "pool {Pool}: labels of generation {Generation} written, state {State}")]
    private static partial void LogLabels(ILogger log, string pool, ulong generation, PoolState state);
}
