using Cstor.Engine.Pools;
using Cstor.Engine.Trees;
using Cstor.Engine.Volumes;
using Cstor.PoolLayout.Records;

namespace Cstor.Engine.Versions;

/// <summary>
/// A version of some blocks that has a slot in the dataset table: a volume as it is now, or a snapshot.
/// </summary>
/// <remarks>
/// Versions form a tree: each but the first of all has one before it, always a snapshot, and what it holds is
/// that one's blocks but for those written since. A block belongs to the oldest version that holds it, which
/// its birth epoch tells: no version has dead blocks listed anywhere. What an overwrite makes free follows
/// from <see cref="Floor"/>, what a destroyed snapshot gives back from a comparison with the version behind
/// it (see <see cref="TreeErasure"/>).
/// </remarks>
public abstract class Dataset : IDisposable
{
    private DatasetRecord _record;
    private bool _isDirty;

    private protected Dataset(PoolCore pool, uint slot, in DatasetRecord record, LayeredTree tree)
    {
        Pool = pool;
        Slot = slot;
        _record = record;
        Tree = tree;
    }

    /// <summary>Identity, kept for life.</summary>
    public Guid Id => _record.Id;

    /// <summary>The name within the pool, or of a snapshot within its volume.</summary>
    public string ShortName => _record.Name;

    /// <summary>The whole name, as <c>tank/db</c> or <c>tank/db@monday</c>.</summary>
    public abstract string Name { get; }

    public long SizeBytes => _record.SizeBytes;

    public int BlockSizeBytes => 1 << _record.BlockShift;

    public DateTimeOffset CreatedAt =>
        DateTimeOffset.UnixEpoch.AddTicks(_record.CreatedUnixNanoseconds / 100);

    internal PoolCore Pool { get; }

    internal uint Slot { get; }

    internal int BlockShift => _record.BlockShift;

    internal ulong BlockCount => (ulong)_record.BlockCount;

    /// <summary>
    /// Settings and accounting. Tree and links are elsewhere: see <see cref="RecordNow"/>.
    /// </summary>
    internal ref DatasetRecord Record => ref _record;

    internal LayeredTree Tree { get; set; }

    /// <summary>The durable tree.</summary>
    internal TreeRoot Root => Tree.Durable.Root;

    /// <summary>The version before this one.</summary>
    internal Snapshot? Previous { get; set; }

    /// <summary>The volume whose line this is part of.</summary>
    internal abstract Volume LineOwner { get; }

    /// <summary>The record changed since the last freeze.</summary>
    internal bool IsDirty
    {
        get => _isDirty;
        set
        {
            if (value && !_isDirty) Pool.ChangedDatasets++;
            _isDirty = value;
        }
    }

    /// <summary>No further requests are taken.</summary>
    internal bool IsClosed { get; set; }

    /// <summary>What of this version's tree the version before holds too.</summary>
    internal TreeFloor Floor => Previous is null
        ? TreeFloor.None
        : new TreeFloor(Previous.Epoch, Previous.Record.ErasedBlocks, Previous.Previous?.Epoch ?? 0);

    /// <summary>Sectors of which this is the oldest version.</summary>
    internal long OwnSectors =>
        Tree.Durable.AllocatedSectors - (Previous?.Tree.Durable.AllocatedSectors ?? 0)
            + _record.DroppedSectors;

    public virtual void Dispose() => Tree.Dispose();

    /// <summary>Everything that the dataset table says of this version, as of now.</summary>
    internal DatasetRecord RecordNow()
    {
        DatasetRecord record = _record;
        TreeState tree = Tree.Durable;
        record.Root = tree.Root.Pointer;
        record.Height = (byte)tree.Root.Height;
        record.AllocatedSectors = tree.AllocatedSectors;
        record.MappedBlocks = tree.MappedBlocks;
        record.StoredSectors = tree.StoredSectors;
        record.Previous = Previous is null ? 0 : Previous.Slot + 1;
        record.Owner = record.IsSnapshot ? LineOwner.Slot + 1 : 0;
        return record;
    }

    /// <summary>
    /// Takes settings over; tree, links and accounting stay. To be logged by the caller, unless it replays.
    /// </summary>
    internal virtual void ApplySettings(in DatasetRecord settings)
    {
        DatasetRecord record = settings;
        record.SnapshotEpoch = _record.SnapshotEpoch;
        record.DroppedSectors = _record.DroppedSectors;
        record.ErasedBlocks = _record.ErasedBlocks;
        _record = record;
        IsDirty = true;
    }
}
