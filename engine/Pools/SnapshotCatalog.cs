using Cstor.Engine.Host;
using Cstor.Engine.Trees;
using Cstor.Engine.Versions;
using Cstor.Engine.Volumes;
using Cstor.PoolLayout.Records;

namespace Cstor.Engine.Pools;

/// <summary>
/// The snapshots of a pool by name. What a command changes it changes in memory at one instant, and it is
/// reported once its log record is durable.
/// </summary>
internal sealed class SnapshotCatalog(DatasetChanges changes, CheckpointPacer? pacer)
{
    // Every layer costs each look-up a little, so before there are more a checkpoint brings them in.
    private const int MostLayers = 16;

    private readonly PoolCore _pool = changes.Pool;

    /// <summary>Why a snapshot cannot be destroyed, or null.</summary>
    public static Fault? ReasonToKeep(DatasetChanges changes, Snapshot snapshot)
    {
        if (snapshot.Holds is { Count: > 0 } holds)
            return new Fault("snapshot-held", $"{snapshot.Name} is held by {string.Join(", ", holds)}",
                $"If it may go: cstor snapshot release {holds[0]} {snapshot.Name}");
        if (snapshot.Users > 0)
            return new Fault("snapshot-busy", $"{snapshot.Name} is being sent", "Wait, or end the transfer");
        string[] clones = [.. changes.ClonesOf(snapshot).Where(clone => clone != snapshot.Owner.Name)];
        return clones.Length == 0 ? null : new Fault(
            "snapshot-has-clones", $"{snapshot.Name} has clones: {string.Join(", ", clones)}",
            $"Destroy them, or let the clone own it: cstor volume promote {clones[0]}");
    }

    /// <summary>Snapshots several volumes at one instant: all or none.</summary>
    public async ValueTask<Outcome<IReadOnlyList<Snapshot>>> TakeAsync(
        IReadOnlyList<string> volumes, string name)
    {
        if (DatasetChanges.CheckName(name, "snapshot") is { } bad) return bad;
        Outcome<List<Volume>> found = FindAll(volumes, name);
        if (found.Fault is { } fault) return fault;
        if (await FaultOfRoomAsync() is { } full) return full;
        if (found.Value.Exists(static volume => volume.Tree.Layers.Length >= MostLayers))
            await pacer!.RequestAsync();
        IoStatus settled = await _pool.WriteBack.SettleAsync(found.Value);
        // Anything may have changed meanwhile.
        found = FindAll(volumes, name);
        if (found.Fault is { } later) return later;
        if (found.Value.Find(static volume => volume.Parts.Count > 0) is { } unsettled)
            return new Fault("not-written-back",
                $"{unsettled.Name}: parts of blocks that were written cannot be written back ({settled})",
                "Look at: cstor pool status");
        if (_pool.Guarantees.RefusalOfSnapshot(found.Value) is { } promised) return promised;
        foreach (Volume volume in found.Value)
            if (SpaceGuarantees.RefusalByQuota(volume) is { } over)
                return over;
        List<Snapshot> taken = TakeNow(found.Value, name);
        return await changes.CommitAsync() is { } failure ? failure : taken;
    }

    /// <summary>Why the pool has no room for another dataset, or null.</summary>
    public async ValueTask<Fault?> FaultOfRoomAsync()
    {
        if (changes.Refusal() is { } refusal) return refusal;
        return await pacer!.HasRoomForDatasetAsync() ? changes.Refusal() : new Fault(
            "pool-full", $"pool '{_pool.Devices.PoolName}' has no room for another volume or snapshot",
            "Destroy snapshots or volumes, or add a vdev");
    }

    /// <summary>
    /// The snapshot that a stream led to, with the identity that it has where it comes from; by the same
    /// record the volume is no longer being received.
    /// </summary>
    public async ValueTask<Outcome<Unit>> TakeReceivedAsync(
        Volume volume, string name, Guid id, long createdUnixNanoseconds)
    {
        if (changes.Refusal() is { } refusal) return refusal;
        if (changes.FindSnapshot(volume, name) is { } other) return Exists(other.Name);
        TakeNow([volume], name, id, createdUnixNanoseconds);
        return await changes.CommitAsync() is { } failure ? failure : Unit.Value;
    }

    public async ValueTask<Outcome<Unit>> DestroyAsync(string volume, string name)
    {
        Outcome<Snapshot> found = changes.Snapshot(volume, name);
        if (found.Fault is { } fault) return fault;
        if (ReasonToKeep(changes, found.Value) is { } kept) return kept;
        VersionChanges.Destroy(found.Value);
        return await changes.LogSettingsAsync(found.Value) is { } failure ? failure : Unit.Value;
    }

    public async ValueTask<Outcome<Unit>> RenameAsync(string volume, string name, string newName)
    {
        Outcome<Snapshot> found = changes.Snapshot(volume, name);
        if (found.Fault is { } fault) return fault;
        if (DatasetChanges.CheckName(newName, "snapshot") is { } bad) return bad;
        if (changes.FindSnapshot(found.Value.Owner, newName) is { } other) return Exists(other.Name);
        found.Value.Record.Name = newName;
        found.Value.IsDirty = true;
        return await changes.LogSettingsAsync(found.Value) is { } failure ? failure : Unit.Value;
    }

    /// <summary>Keeps a snapshot from being destroyed until the same tag is released.</summary>
    public async ValueTask<Outcome<Unit>> HoldAsync(string volume, string name, string tag, bool isHeld)
    {
        Outcome<Snapshot> found = changes.Snapshot(volume, name);
        if (found.Fault is { } fault) return fault;
        Snapshot snapshot = found.Value;
        if (snapshot.Holds.Contains(tag) == isHeld)
            return isHeld
                ? new Fault("hold-exists", $"{snapshot.Name} is held as '{tag}' already",
                    "Choose another tag")
                : new Fault("no-such-hold", $"{snapshot.Name} is not held as '{tag}'",
                    "List the holds with: cstor snapshot holds");
        DatasetRecord record = snapshot.Record;
        string since = isHeld ? _pool.Loop.UtcNow.ToString("O", null) : "";
        if (VolumeProperties.Set(ref record, Snapshot.HoldProperty(tag), since) is { } bad) return bad;
        snapshot.ApplySettings(record);
        return await changes.LogSettingsAsync(snapshot) is { } failure ? failure : Unit.Value;
    }

    /// <summary>Makes a volume what its snapshot is.</summary>
    /// <param name="volume">Which.</param>
    /// <param name="name">Of the snapshot.</param>
    /// <param name="destroyNewer">Snapshots made since go too; refused if there are any otherwise.</param>
    public async ValueTask<Outcome<Unit>> RollbackAsync(string volume, string name, bool destroyNewer)
    {
        Outcome<Snapshot> found = changes.Snapshot(volume, name);
        if (found.Fault is { } fault) return fault;
        Snapshot target = found.Value;
        Volume owner = target.Owner;
        // Nobody is in the middle of a change of any block.
        await owner.Locks.AcquireAsync(BlockRange.All);
        Fault? refusal = changes.Refusal();
        if (refusal is null && (target.IsClosed || target.Owner != owner || owner.IsClosed))
            refusal = new Fault("changed-meanwhile", $"{target.Name} is no snapshot of {owner.Name} any more",
                "List them with: cstor snapshot list");
        refusal ??= FaultOfRollback(target, destroyNewer);
        if (refusal is null)
        {
            LogRollbackRecord rollback = new()
            {
                SnapshotSlot = target.Slot,
                DiscardedSlot = changes.FreeSlot(),
                Epoch = _pool.Epoch++,
                DiscardedId = changes.NewId(),
            };
            VersionChanges.Rollback(owner, target, rollback);
            _pool.Log!.AppendRollback(owner.Slot, rollback);
        }

        owner.Locks.Release(BlockRange.All);
        return (refusal ?? await changes.CommitAsync()) is { } failure ? failure : Unit.Value;
    }

    public async ValueTask<Outcome<Unit>> PromoteAsync(string volume)
    {
        Outcome<Volume> found = changes.Volume(volume);
        if (found.Fault is { } fault) return fault;
        Volume clone = found.Value;
        if (VersionChanges.OriginOf(clone) is not { } origin)
            return new Fault("not-a-clone", $"{clone.Name} is not a clone",
                "See what volumes are made of with: cstor volume status");
        HashSet<string> own = [.. changes.SnapshotsOf(clone).Select(static snapshot => snapshot.ShortName)];
        foreach (Snapshot gained in changes.SnapshotsOf(origin.Owner))
            if (gained.Epoch <= origin.Epoch && own.Contains(gained.ShortName))
                return new Fault("snapshot-exists",
                    $"{clone.Name} and {origin.Owner.Name} both have a snapshot '{gained.ShortName}'",
                    "Rename one of them: cstor snapshot rename");
        VersionChanges.Promote(clone);
        _pool.Log!.AppendPromote(clone.Slot);
        return await changes.CommitAsync() is { } failure ? failure : Unit.Value;
    }

    private List<Snapshot> TakeNow(
        List<Volume> volumes, string name, Guid? id = null, long? createdUnixNanoseconds = null)
    {
        List<Snapshot> taken = [];
        (uint Slot, LogSnapshotRecord Record)[] records = new (uint, LogSnapshotRecord)[volumes.Count];
        for (int i = 0; i < records.Length; i++)
        {
            LogSnapshotRecord record = new()
            {
                SnapshotSlot = changes.FreeSlot(),
                Epoch = _pool.Epoch,
                CreatedUnixNanoseconds = createdUnixNanoseconds ?? changes.NowUnixNanoseconds,
                Id = id ?? changes.NewId(),
                Name = name,
            };
            records[i] = (volumes[i].Slot, record);
            taken.Add(VersionChanges.TakeSnapshot(volumes[i], record));
        }

        _pool.Epoch++;
        _pool.Log!.AppendSnapshots(records);
        _pool.Dirtied();
        return taken;
    }

    private Outcome<List<Volume>> FindAll(IReadOnlyList<string> volumes, string name)
    {
        List<Volume> all = [];
        foreach (string shortName in volumes)
        {
            Outcome<Volume> found = changes.Volume(shortName);
            if (found.Fault is { } fault) return fault;
            Volume volume = found.Value;
            if (all.Contains(volume))
                return new Fault("named-twice", $"{volume.Name} is named twice", "Name each volume once");
            if (changes.FindSnapshot(volume, name) is { } other) return Exists(other.Name);
            all.Add(volume);
        }

        return all.Count <= Log.CommitLog.SnapshotsAtOnce ? all : new Fault(
            "too-many", $"{all.Count} volumes cannot be snapshotted at one instant",
            $"Name at most {Log.CommitLog.SnapshotsAtOnce}");
    }

    private Fault? FaultOfRollback(Snapshot target, bool destroyNewer)
    {
        Snapshot[] newer =
            [.. changes.SnapshotsOf(target.Owner).Where(snapshot => snapshot.Epoch > target.Epoch)];
        if (newer.Length > 0 && !destroyNewer)
            return new Fault("not-newest",
                $"{target.Name} is not the newest snapshot: {newer.Length} were made since, "
                    + $"up to {newer[^1].Name}",
                "Destroy those too: cstor volume rollback -r; or keep them and clone this one");
        foreach (Snapshot snapshot in newer)
            if (ReasonToKeep(changes, snapshot) is { } kept)
                return kept;
        return null;
    }

    private static Fault Exists(string name) =>
        new("snapshot-exists", $"{name} exists already", "Choose another name, or destroy it first");
}
