using Cstor.Engine.Host;
using Cstor.Engine.Versions;
using Cstor.Engine.Volumes;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Records;
using Cstor.PoolLayout.Units;

namespace Cstor.Engine.Pools;

/// <summary>
/// Space that volumes are sure of, apart from snapshots: a volume with a reservation can be written until it
/// takes that much, whatever the others do. What is promised is there when it is promised, and whatever would
/// break a promise is refused; of the rest, each takes what it finds.
/// </summary>
internal sealed class SpaceGuarantees(PoolCore pool)
{
    // While a volume is overwritten, what was replaced is free only at the next checkpoint.
    private const int OverwriteShare = 16;
    private const long OverwriteMinimum = (1L << 20) >> Layout.SectorShift;
    private const long OverwriteMaximum = (1L << 30) >> Layout.SectorShift;

    /// <summary>A checkpoint begins.</summary>
    public void Freeze()
    {
        foreach (Dataset? dataset in pool.Slots) (dataset as Volume)?.Guarantee.Freeze();
    }

    /// <summary>A checkpoint is durable.</summary>
    public void Thaw()
    {
        foreach (Dataset? dataset in pool.Slots) (dataset as Volume)?.Guarantee.Thaw();
        Refresh();
    }

    /// <summary>Settings, versions, or what they take has changed.</summary>
    public void Refresh()
    {
        foreach (Dataset? dataset in pool.Slots)
        {
            if (dataset is not Volume volume) continue;
            bool isLive = !volume.Record.IsDestroying;
            volume.Guarantee.Settle(isLive ? ReservedSectors(volume.Record) : 0, volume.OwnSectors);
        }
    }

    /// <summary>Why a volume cannot have the reservation that its new settings ask for, or null.</summary>
    /// <param name="volume">Null if it is about to be created.</param>
    /// <param name="settings">As they would be.</param>
    public Fault? Refusal(Volume? volume, in DatasetRecord settings)
    {
        long reserved = ReservedSectors(settings);
        long before = volume?.Guarantee.UnusedSectors ?? 0;
        long after = volume?.Guarantee.UnusedOf(reserved) ?? reserved;
        long available = AvailableSectors;
        if (after <= before || after - before <= available) return null;
        return new Fault("reservation-too-large",
            $"{pool.Devices.PoolName}/{settings.Name}: a reservation of {Text(reserved)} needs "
                + $"{Text(after - before)} more, and {Text(available)} are free beside other reservations",
            "Reserve less, destroy what is not needed, or add space: cstor pool add");
    }

    /// <summary>
    /// Why volumes cannot be snapshotted now, or null: what they share with the snapshots afterwards they may
    /// overwrite, and then need once more.
    /// </summary>
    public Fault? RefusalOfSnapshot(IReadOnlyList<Volume> volumes)
    {
        long needed = 0;
        foreach (Volume volume in volumes) needed += volume.Guarantee.UsedSectors;
        long available = AvailableSectors;
        if (needed == 0 || needed <= available) return null;
        return new Fault("snapshot-breaks-reservation",
            $"a snapshot needs {Text(needed)}, so that {Names(volumes)} can be overwritten as reserved, "
                + $"and {Text(available)} are free",
            "Destroy older snapshots, lower the reservation, or add space: cstor pool add");
    }

    /// <summary>Why a volume may have no more snapshots now, or null.</summary>
    public static Fault? RefusalByQuota(Volume volume)
    {
        long quota = volume.Record.SnapshotQuotaBytes;
        long used = LineSpace.Of(volume).SnapshotSectors << Layout.SectorShift;
        return quota == 0 || used < quota ? null : new Fault("snapshot-quota",
            $"the snapshots of {volume.Name} take {ByteSize.Format(used)} of {ByteSize.Format(quota)}",
            "Destroy some, or raise the quota: cstor volume set VOLUME snapshot-quota=SIZE");
    }

    /// <summary>Free, and promised to nobody. Of space that awaits a checkpoint, all comes back.</summary>
    private long AvailableSectors => Math.Max(0, pool.Allocator.FreeForDataSectors
        + pool.Ledger.ComingSectors - pool.Allocator.GuaranteedSectors);

    private long ReservedSectors(in DatasetRecord settings) =>
        settings.ReservationBytes == DatasetRecord.ReserveAll
            ? MostSectors(settings)
            : (settings.ReservationBytes + Layout.SectorBytes - 1) >> Layout.SectorShift;

    // Every block on the vdev that takes most for it, all nodes, and room to overwrite.
    private long MostSectors(in DatasetRecord settings)
    {
        long blocks = settings.BlockCount;
        long data = blocks * pool.Allocator.MostSectorsOf(1 << (settings.BlockShift - Layout.SectorShift));
        long nodes = 0;
        long below = blocks;
        do
        {
            below = (below + Layout.NodeFanout - 1) / Layout.NodeFanout;
            nodes += below;
        }
        while (below > 1);
        return data + (nodes * pool.Allocator.NodeCopiesSectors)
            + Math.Clamp(data / OverwriteShare, OverwriteMinimum, OverwriteMaximum);
    }

    private static string Names(IReadOnlyList<Volume> volumes) =>
        string.Join(", ", volumes.Where(static volume => volume.Guarantee.ReservedSectors > 0)
            .Select(static volume => volume.Name));

    private static string Text(long sectors) => ByteSize.Format(sectors << Layout.SectorShift);
}
