using System.Numerics;
using Cstor.Engine.Host;
using Cstor.Engine.Trees;
using Cstor.Engine.Versions;
using Cstor.Engine.Volumes;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Records;

namespace Cstor.Engine.Pools;

/// <summary>
/// The volumes of a pool by name. Every change of settings is one record of the commit log, durable before
/// it is reported. A destroyed volume is marked so; its blocks are then freed piece by piece by the
/// checkpoints (see <see cref="Erasures"/>), and a restart in between goes on where it was.
/// </summary>
internal sealed class VolumeCatalog(DatasetChanges changes)
{
    private const long MaximumVolumeBytes = 1L << 50;
    private const int DrainPauseNanoseconds = 1_000_000;

    private readonly PoolCore _pool = changes.Pool;

    public IReadOnlyList<Volume> Online() =>
    [
        .. _pool.Slots.OfType<Volume>().Where(static volume => !volume.IsClosed)
            .OrderBy(static volume => volume.ShortName, StringComparer.Ordinal),
    ];

    public async ValueTask<Outcome<Volume>> CreateAsync(
        string shortName, long sizeBytes, int blockSizeBytes, IReadOnlyList<KeyValuePair<string,
            string>> properties)
    {
        Fault? fault = changes.Refusal() ?? FaultOfNewName(shortName)
            ?? CheckShape(sizeBytes, blockSizeBytes);
        if (fault is not null) return fault;
        DatasetRecord record = NewRecord(shortName, sizeBytes, blockSizeBytes);
        if (Apply(ref record, properties) is { } bad) return bad;
        if (_pool.Guarantees.Refusal(null, record) is { } full) return full;
        Volume volume = new(_pool, changes.FreeSlot(), record, new LayeredTree(TreeState.Empty));
        VersionChanges.Enter(_pool, volume);
        return await changes.LogSettingsAsync(volume) is { } failure ? failure : volume;
    }

    /// <summary>A volume that begins as a snapshot is, with its settings but for those given.</summary>
    public async ValueTask<Outcome<Volume>> CloneAsync(
        Snapshot origin, string shortName, IReadOnlyList<KeyValuePair<string, string>> properties)
    {
        if (FaultOfNewName(shortName) is { } fault) return fault;
        DatasetRecord record = origin.RecordNow();
        record.State = DatasetState.Volume;
        record.Name = shortName;
        record.Id = changes.NewId();
        record.CreatedUnixNanoseconds = changes.NowUnixNanoseconds;
        record.BirthEpoch = _pool.Epoch;
        record.SnapshotEpoch = 0;
        record.DroppedSectors = 0;
        record.ReadOnly = 0;
        record.Properties = "";
        if (Apply(ref record, properties) is { } bad) return bad;
        if (_pool.Guarantees.Refusal(null, record) is { } full) return full;
        Volume clone = VersionChanges.Clone(origin, changes.FreeSlot(), record);
        VersionChanges.Enter(_pool, clone);
        return await changes.LogSettingsAsync(clone) is { } failure ? failure : clone;
    }

    /// <param name="shortName">Which.</param>
    /// <param name="withSnapshots">Its snapshots too; refused if it has any otherwise.</param>
    public async ValueTask<Outcome<Unit>> DestroyAsync(string shortName, bool withSnapshots)
    {
        Outcome<Volume> found = changes.Volume(shortName);
        if (found.Fault is { } fault) return fault;
        Volume volume = found.Value;
        IReadOnlyList<Snapshot> snapshots = changes.SnapshotsOf(volume);
        if (snapshots.Count > 0 && !withSnapshots)
            return new Fault("volume-has-snapshots", $"{volume.Name} has {snapshots.Count} snapshots",
                "Destroy it with them: cstor volume destroy -r");
        foreach (Snapshot snapshot in snapshots)
            if (SnapshotCatalog.ReasonToKeep(changes, snapshot) is { } kept)
                return kept;
        VersionChanges.Destroy(volume);
        return await changes.LogSettingsAsync(volume) is { } failure ? failure : Unit.Value;
    }

    public async ValueTask<Outcome<Unit>> ResizeAsync(string shortName, long sizeBytes)
    {
        Outcome<Volume> found = changes.Volume(shortName);
        if (found.Fault is { } fault) return fault;
        Volume volume = found.Value;
        if (FaultOfSize(volume, sizeBytes) is { } unfit) return unfit;
        long rounded = RoundUp(sizeBytes, volume.BlockSizeBytes);
        ulong newBlocks = (ulong)(rounded / volume.BlockSizeBytes);
        await volume.Locks.AcquireAsync(BlockRange.All);
        // Waiting for writes under way, it may have been destroyed, or become smaller.
        Fault? refusal = changes.Refusal() ?? (volume.IsClosed ? changes.NoVolume(shortName) : null);
        if (refusal is null)
        {
            if (newBlocks < volume.BlockCount)
                volume.PublishHoles(new BlockRange(newBlocks, volume.BlockCount - newBlocks));
            volume.Record.SizeBytes = rounded;
            volume.Resizes++;
            volume.IsDirty = true;
            changes.LogSettings(volume);
        }

        volume.Locks.Release(BlockRange.All);
        return (refusal ?? await changes.CommitAsync()) is { } failure ? failure : Unit.Value;
    }

    /// <summary>Why a volume cannot have that size, or null.</summary>
    public Fault? FaultOfSize(Volume volume, long sizeBytes)
    {
        if (CheckShape(sizeBytes, volume.BlockSizeBytes) is { } bad) return bad;
        DatasetRecord resized = volume.Record;
        resized.SizeBytes = RoundUp(sizeBytes, volume.BlockSizeBytes);
        return _pool.Guarantees.Refusal(volume, resized);
    }

    /// <summary>Sets all of them or none.</summary>
    public async ValueTask<Outcome<Unit>> SetPropertiesAsync(
        string shortName, IReadOnlyList<KeyValuePair<string, string>> properties)
    {
        Outcome<Volume> found = changes.Volume(shortName);
        if (found.Fault is { } fault) return fault;
        DatasetRecord record = found.Value.Record;
        if (FaultOfProperties(found.Value, ref record, properties) is { } unfit) return unfit;
        found.Value.ApplySettings(record);
        return await changes.LogSettingsAsync(found.Value) is { } failure ? failure : Unit.Value;
    }

    /// <summary>Why a volume cannot have these properties, or null.</summary>
    public Fault? FaultOfProperties(Volume volume, IReadOnlyList<KeyValuePair<string, string>> properties)
    {
        DatasetRecord record = volume.Record;
        return FaultOfProperties(volume, ref record, properties);
    }

    public async ValueTask<Outcome<Unit>> RenameAsync(string shortName, string newName)
    {
        Outcome<Volume> found = changes.Volume(shortName);
        if (found.Fault is { } fault) return fault;
        if (FaultOfNewName(newName) is { } bad) return bad;
        found.Value.Record.Name = newName;
        found.Value.IsDirty = true;
        return await changes.LogSettingsAsync(found.Value) is { } failure ? failure : Unit.Value;
    }

    /// <summary>Refuses everything from now on; completes when no request is under way.</summary>
    public async ValueTask CloseAsync()
    {
        changes.IsClosed = true;
        foreach (Dataset? dataset in _pool.Slots)
            if (dataset is not null)
                dataset.IsClosed = true;
        foreach (Volume volume in _pool.Slots.OfType<Volume>().ToArray())
            while (volume.RequestsUnderWay > 0) await _pool.Loop.DelayAsync(DrainPauseNanoseconds);
    }

    private Fault? FaultOfNewName(string shortName)
    {
        if (DatasetChanges.CheckName(shortName, "volume") is { } fault) return fault;
        return changes.FindVolume(shortName) is null ? null : new Fault(
            "volume-exists", $"{_pool.Devices.PoolName}/{shortName} exists already", "Choose another name");
    }

    private Fault? FaultOfProperties(
        Volume volume, ref DatasetRecord record, IReadOnlyList<KeyValuePair<string, string>> properties) =>
        Apply(ref record, properties) ?? _pool.Guarantees.Refusal(volume, record);

    private static Fault? Apply(
        ref DatasetRecord record, IReadOnlyList<KeyValuePair<string, string>> properties)
    {
        foreach ((string key, string value) in properties)
            if (VolumeProperties.Set(ref record, key, value) is { } bad)
                return bad;
        return null;
    }

    private DatasetRecord NewRecord(string shortName, long sizeBytes, int blockSizeBytes) => new()
    {
        State = DatasetState.Volume,
        Name = shortName,
        Id = changes.NewId(),
        BlockShift = (byte)BitOperations.Log2((uint)blockSizeBytes),
        SizeBytes = RoundUp(sizeBytes, blockSizeBytes),
        Height = 1,
        CreatedUnixNanoseconds = changes.NowUnixNanoseconds,
        BirthEpoch = _pool.Epoch,
    };

    private static Fault? CheckShape(long sizeBytes, int blockSizeBytes)
    {
        if (!BitOperations.IsPow2(blockSizeBytes)
            || blockSizeBytes is < Layout.MinimumBlockBytes or > Layout.MaximumBlockBytes)
            return new Fault("bad-block-size", $"a block of {blockSizeBytes} bytes is not possible",
                "Use a power of two from 4K to 128K");
        return sizeBytes is > 0 and <= MaximumVolumeBytes ? null : new Fault(
            "bad-size", $"a volume of {sizeBytes} bytes is not possible",
            "Use at least one block and at most 1P");
    }

    private static long RoundUp(long sizeBytes, int blockSizeBytes) =>
        (sizeBytes + blockSizeBytes - 1) & -(long)blockSizeBytes;
}
