using Cstor.Engine.Host;
using Cstor.Engine.Pools;
using Cstor.Engine.Streams;
using Cstor.Engine.Versions;
using Cstor.Engine.Volumes;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Records;

namespace Cstor.Engine.Replicas;

/// <summary>
/// A volume in its part as one of several replicas: it knows how far it has come, durably and together with
/// the writes that this says, keeps a few words for its group, and can be compared with others.
/// </summary>
/// <remarks>
/// The position is a lower bound. A log record of it stands behind the records of all entries up to it, or in
/// one batch with them, and replay takes a prefix of batches; a checkpoint writes the position of its freeze
/// together with all that was visible then. So a crash never leaves a position without the entries that it
/// says, and after an acknowledged flush at least that flush's.
/// </remarks>
public sealed class Replica
{
    private const int ViewAttempts = 3;

    private readonly DatasetChanges _changes;
    private readonly StreamParts _parts;
    private readonly StreamGate _gate;
    private readonly SnapshotCatalog _snapshots;

    internal Replica(Volume volume, StreamParts parts, StreamGate gate)
    {
        Volume = volume;
        _parts = parts;
        _gate = gate;
        _changes = parts.Changes;
        _snapshots = parts.Snapshots;
    }

    public Volume Volume { get; }

    /// <summary>
    /// Every entry up to this one is visible. Durable with the next flush or checkpoint, not before.
    /// </summary>
    public ReplicaPosition Position
    {
        get => Volume.Position;
        set => Volume.Position = value;
    }

    /// <summary>
    /// Where blocks begin of which parts were written and the rest is damaged: they wait in memory and in the
    /// log until the block is written whole.
    /// </summary>
    public IReadOnlyList<long> DamagedOffsets(int most) =>
        [.. Volume.Parts.Damaged(most).Select(block => checked((long)block * Volume.BlockSizeBytes))];

    /// <summary>What the volume was before, the oldest first.</summary>
    public IReadOnlyList<Snapshot> Snapshots => _changes.SnapshotsOf(Volume);

    /// <summary>By name; what the group and initiators keep with the volume is none.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Properties => VolumeProperties.List(ref Volume.Record);

    /// <summary>What its group keeps here: one line, empty for a volume that is no replica.</summary>
    public string State
    {
        get
        {
            foreach ((string name, string text) in VolumeProperties.Texts(Volume.Record.Properties))
                if (name == VolumeProperties.ReplicationKey)
                    return text;
            return "";
        }
    }

    /// <summary>Keeps other words for the group; they are durable when this completes with Ok.</summary>
    public async ValueTask<IoStatus> SaveStateAsync(string state)
    {
        if (Volume.IsClosed || _changes.Refusal() is not null) return IoStatus.Closed;
        DatasetRecord record = Volume.Record;
        if (VolumeProperties.Set(ref record, VolumeProperties.ReplicationKey, state) is not null)
            return IoStatus.NoSpace;
        Volume.ApplySettings(record);
        return await _changes.LogSettingsAsync(Volume) is null ? IoStatus.Ok : IoStatus.PoolStopped;
    }

    /// <summary>Makes everything visible durable, and with it the position as it is now.</summary>
    public ValueTask<IoStatus> FlushAsync()
    {
        if (Volume.IsClosed || _changes.Refusal() is not null)
            return new ValueTask<IoStatus>(IoStatus.Closed);
        // The checkpoint that frees the log writes it too.
        Volume.IsDirty = true;
        _changes.Pool.Log!.AppendPosition(Volume.Slot, Position.Epoch, Position.Index);
        return _changes.Pool.Log.CommitAsync();
    }

    /// <summary>
    /// Takes the snapshot that all replicas take at the same entry. No write is under way.
    /// </summary>
    public async ValueTask<IoStatus> SnapshotAsync(string name, Guid id, long createdUnixNanoseconds)
    {
        if (await _changes.Pool.WriteBack.SettleAsync([Volume]) is var settled and not IoStatus.Ok)
            return settled;
        if (_changes.FindSnapshot(Volume, name) is { } other)
        {
            // Whoever repeats what a crash interrupted finds it done.
            if (other.Id == id) return IoStatus.Ok;
            // The others have destroyed that one meanwhile. Here it may be wanted, so nothing but its name
            // goes.
            Outcome<Unit> renamed = await _snapshots.RenameAsync(Volume.ShortName, name, StaleNameOf(other));
            if (!renamed.IsOk) return IoStatus.NotSupported;
        }

        Outcome<Unit> taken = await _snapshots.TakeReceivedAsync(Volume, name, id, createdUnixNanoseconds);
        return taken.IsOk ? IoStatus.Ok : IoStatus.NotSupported;
    }

    /// <summary>Why the volume cannot have these properties in this pool, or null.</summary>
    public Fault? FaultOfProperties(IReadOnlyList<KeyValuePair<string, string>> properties) =>
        _parts.Volumes.FaultOfProperties(Volume, properties);

    /// <summary>Sets properties that it has on all replicas, durably: all or none.</summary>
    public async ValueTask<IoStatus> SetPropertiesAsync(
        IReadOnlyList<KeyValuePair<string, string>> properties)
    {
        if (Volume.IsClosed) return IoStatus.Closed;
        if (FaultOfProperties(properties) is not null) return IoStatus.NoSpace;
        Outcome<Unit> set = await _parts.Volumes.SetPropertiesAsync(Volume.ShortName, properties);
        return set.IsOk ? IoStatus.Ok : IoStatus.PoolStopped;
    }

    /// <summary>What a snapshot of the volume holds, with the hashes of that. To be closed.</summary>
    public async ValueTask<(IoStatus Status, ContentView? View)> SnapshotViewAsync(Snapshot snapshot)
    {
        bool isOpen = _gate.Enter();
        snapshot.Users++;
        IoStatus status = isOpen ? await _parts.SettleAsync(snapshot) : IoStatus.Closed;
        if (_gate.IsClosed || snapshot.IsClosed) status = IoStatus.Closed;
        ContentView? view = status == IoStatus.Ok ? new ContentView(_parts.Pool, _gate, snapshot) : null;
        snapshot.Users--;
        _gate.Leave();
        return (status, view);
    }

    /// <summary>Why the volume cannot have that size in this pool, or null.</summary>
    public Fault? FaultOfSize(long sizeBytes) => _parts.Volumes.FaultOfSize(Volume, sizeBytes);

    /// <summary>
    /// Gives the volume the size that it has on all replicas from the same entry on, durably; what lies
    /// behind a smaller end is lost. No write is under way.
    /// </summary>
    public async ValueTask<IoStatus> ResizeAsync(long sizeBytes)
    {
        if (Volume.IsClosed) return IoStatus.Closed;
        if (sizeBytes == Volume.SizeBytes) return IoStatus.Ok;
        if (FaultOfSize(sizeBytes) is not null) return IoStatus.NoSpace;
        Outcome<Unit> resized = await _parts.Volumes.ResizeAsync(Volume.ShortName, sizeBytes);
        return resized.IsOk ? IoStatus.Ok : IoStatus.PoolStopped;
    }

    /// <summary>
    /// The hash of what a snapshot of the volume holds: equal on replicas exactly if their contents are,
    /// however they are stored. Reads the root alone.
    /// </summary>
    public async ValueTask<(IoStatus Status, Hash128 Hash)> SnapshotHashAsync(string snapshot)
    {
        if (_changes.FindSnapshot(Volume, snapshot) is not { } found)
            return (IoStatus.NotSupported, default);
        bool isOpen = _gate.Enter();
        found.Users++;
        IoStatus status = isOpen ? await _parts.SettleAsync(found) : IoStatus.Closed;
        Hash128 hash = default;
        if (status == IoStatus.Ok) (status, hash) = await _parts.ContentHashAsync(found);
        found.Users--;
        _gate.Leave();
        return (status, hash);
    }

    private static string StaleNameOf(Snapshot snapshot)
    {
        const int MostNameCharacters = 48;
        const int IdCharacters = 8;
        string name = snapshot.ShortName;
        ReadOnlySpan<char> kept = name.AsSpan(0, Math.Min(name.Length, MostNameCharacters));
        return string.Concat(kept, "-", snapshot.Id.ToString("N").AsSpan(0, IdCharacters));
    }

    /// <summary>
    /// The blocks as they are at some instant from now on, with the hashes of their contents. To be closed.
    /// </summary>
    public async ValueTask<(IoStatus Status, ContentView? View)> ViewAsync()
    {
        if (!_gate.Enter())
        {
            _gate.Leave();
            return (IoStatus.Closed, null);
        }

        IoStatus status = await _parts.Pool.WriteBack.SettleAsync([Volume]);
        // The tree must be of the size that it is taken for.
        ulong? resizes = null;
        for (int i = 0; status == IoStatus.Ok && !_gate.IsClosed && resizes != Volume.Resizes; i++)
        {
            resizes = Volume.Resizes;
            status = i == ViewAttempts ? IoStatus.Aborted
                : _parts.Pacer is null ? IoStatus.ReadOnly : await _parts.Pacer.RequestAsync();
        }

        ContentView? view = null;
        if (_gate.IsClosed) status = IoStatus.Closed;
        if (status == IoStatus.Ok) view = new ContentView(_parts.Pool, _gate, Volume);
        _gate.Leave();
        return (status, view);
    }
}
