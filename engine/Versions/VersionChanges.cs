using Cstor.Engine.Pools;
using Cstor.Engine.Streams;
using Cstor.Engine.Volumes;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Records;

namespace Cstor.Engine.Versions;

/// <summary>
/// Changes of what versions there are, in memory and at once, whatever their size. Each follows from its log
/// record alone, so that a replay arrives at the same versions; the checkpoint then makes them durable.
/// </summary>
internal static class VersionChanges
{
    /// <summary>Puts a dataset into a slot that is free, or behind the last one.</summary>
    public static void Enter(PoolCore pool, Dataset dataset)
    {
        while (pool.Slots.Count <= dataset.Slot) pool.Slots.Add(null);
        Check.That(pool.Slots[(int)dataset.Slot] is null);
        pool.Slots[(int)dataset.Slot] = dataset;
        dataset.IsDirty = true;
    }

    /// <summary>
    /// The volume as it is becomes a snapshot. The caller ends the epoch afterwards, for all volumes that are
    /// snapshotted at this instant.
    /// </summary>
    public static Snapshot TakeSnapshot(Volume volume, in LogSnapshotRecord taken)
    {
        DatasetRecord record = volume.Record;
        record.State = DatasetState.Snapshot;
        record.Name = taken.Name;
        record.Id = taken.Id;
        record.CreatedUnixNanoseconds = taken.CreatedUnixNanoseconds;
        record.BirthEpoch = record.SnapshotEpoch = taken.Epoch;
        record.ReservationBytes = record.SnapshotQuotaBytes = 0;
        record.ReplicaEpoch = record.ReplicaIndex = 0;
        record.Properties = "";
        Snapshot snapshot = new(volume.Pool, taken.SnapshotSlot, record, new LayeredTree(default), volume)
        {
            Previous = volume.Previous,
        };
        HandOver(volume, snapshot, taken.Epoch);
        ReceivingMark.EndBy(volume, taken.Id);
        volume.Tree = snapshot.Tree.Fork();
        volume.Previous = snapshot;
        Enter(volume.Pool, snapshot);
        return snapshot;
    }

    /// <summary>A volume that begins as the snapshot is. To be entered by the caller.</summary>
    /// <param name="origin">What it is made of.</param>
    /// <param name="slot">For the new volume.</param>
    /// <param name="record">Its settings.</param>
    public static Volume Clone(Snapshot origin, uint slot, in DatasetRecord record) =>
        new(origin.Pool, slot, record, origin.Tree.Fork()) { Previous = origin };

    /// <summary>
    /// The volume is again what its snapshot is. What it was becomes a volume of its own that is being
    /// destroyed, with the snapshots made since.
    /// </summary>
    public static Volume Rollback(Volume volume, Snapshot target, in LogRollbackRecord rollback)
    {
        volume.Parts.Clear();
        DatasetRecord record = volume.Record;
        record.State = DatasetState.Destroying;
        record.Id = rollback.DiscardedId;
        record.ReservationBytes = record.SnapshotQuotaBytes = 0;
        Volume discarded = new(volume.Pool, rollback.DiscardedSlot, record, new LayeredTree(default))
        {
            Previous = volume.Previous,
            IsClosed = true,
        };
        HandOver(volume, discarded, rollback.Epoch);
        for (Snapshot? newer = volume.Previous; newer != target; newer = newer.Previous)
        {
            Check.That(newer is not null && newer.Owner == volume);
            newer.Owner = discarded;
            Destroy(newer);
        }

        volume.Tree = target.Tree.Fork();
        volume.Previous = target;
        volume.Record.SizeBytes = target.SizeBytes;
        Enter(volume.Pool, discarded);
        return discarded;
    }

    /// <summary>
    /// A clone takes over the snapshots up to its origin; their volume becomes a clone of the last one.
    /// </summary>
    public static void Promote(Volume clone)
    {
        Snapshot? origin = OriginOf(clone);
        Check.That(origin is not null);
        Volume loser = origin.Owner;
        for (Snapshot? taken = origin; taken is not null && taken.Owner == loser; taken = taken.Previous)
        {
            taken.Owner = clone;
            taken.IsDirty = true;
        }

        clone.IsDirty = loser.IsDirty = true;
    }

    /// <summary>The snapshot that a clone was made of; null for other volumes.</summary>
    public static Snapshot? OriginOf(Volume volume)
    {
        Snapshot? previous = volume.Previous;
        while (previous is not null && previous.Owner == volume) previous = previous.Previous;
        return previous;
    }

    /// <summary>Marks a dataset as being destroyed, and with a volume all of its snapshots.</summary>
    public static void Destroy(Dataset dataset)
    {
        dataset.IsClosed = dataset.IsDirty = true;
        ref DatasetRecord record = ref dataset.Record;
        record.State = dataset is Snapshot ? DatasetState.DestroyingSnapshot : DatasetState.Destroying;
        if (dataset is not Volume volume) return;
        volume.Parts.Clear();
        foreach (Dataset? other in volume.Pool.Slots)
            if (other is Snapshot { Record.IsDestroying: false } snapshot && snapshot.Owner == volume)
                Destroy(snapshot);
    }

    // The last version of the volume's line passes to another dataset, as far as it has come.
    private static void HandOver(Volume volume, Dataset heir, ulong epoch)
    {
        volume.Seal(volume, epoch);
        volume.Guarantee.HandOver();
        heir.Tree = volume.Tree;
        foreach (Layer layer in heir.Tree.Layers)
            if (layer.Owner == volume)
                layer.Owner = heir;
        heir.Record.DroppedSectors = volume.Record.DroppedSectors;
        volume.Record.DroppedSectors = 0;
        volume.IsDirty = true;
    }
}
