// A checkpoint that finds no room for its nodes stops the pool, so it must not come to that: what the changes
// in memory may make the next checkpoint write is estimated from above, and writers wait before it exceeds
// what is sure to be free (see SpaceAllocator.RoomForMetadataSectors). Each change touches a leaf at the
// most, and a volume has only so many leaves; what lies above them is a 256th, and the path to the root.
using Cstor.Engine.Versions;
using Cstor.Engine.Volumes;
using Cstor.PoolLayout;

namespace Cstor.Engine.Pools;

/// <summary>Sectors that a checkpoint of what is pending may take at the most.</summary>
internal static class MetadataDemand
{
    // Paths of the dataset table and the space map, and a few records.
    private const long FixedNodes = 12;

    // A path to the root, and the volume's record.
    private const long NodesPerVolume = 5;

    // Entries of the space log that one node or changed block makes, in sectors of both copies: 1 / this.
    private const long EntriesShare = 32;

    /// <summary>An estimate that costs nothing, and is the right one or above it.</summary>
    public static long Quick(PoolCore pool) =>
        SectorsFor(pool, pool.PendingCount + pool.WriteBack.Count, pool.PendingCount + pool.WriteBack.Count,
            pool.Slots.Count);

    /// <summary>The estimate that knows how many leaves volumes have.</summary>
    public static long Exact(PoolCore pool)
    {
        long leaves = 0;
        long volumes = 0;
        foreach (Dataset? dataset in pool.Slots)
        {
            if (dataset is null) continue;
            long most = (long)(dataset.BlockCount / Layout.NodeFanout) + 1;
            bool isChanged = dataset.IsDirty;
            if (dataset is Volume volume && (!volume.Pending.IsEmpty || volume.Parts.Count > 0))
            {
                isChanged = true;
                leaves += Math.Min(volume.Pending.Weight + volume.Parts.Count, most);
            }

            foreach (Layer layer in dataset.Tree.Layers)
            {
                if (layer.Owner != dataset || layer.WaitingWeight == 0) continue;
                isChanged = true;
                leaves += Math.Min(layer.WaitingWeight, most);
            }

            if (isChanged) volumes++;
        }

        return SectorsFor(pool, pool.PendingCount + pool.WriteBack.Count, leaves, volumes);
    }

    private static long SectorsFor(PoolCore pool, long changes, long leaves, long volumes)
    {
        long nodes = leaves + (leaves / 64) + (volumes * NodesPerVolume) + FixedNodes;
        long bitmaps = pool.Allocator.TotalSectors / Layout.RegionSectors * 4;
        return (nodes * pool.Allocator.NodeCopiesSectors) + ((changes + nodes) / EntriesShare) + bitmaps;
    }
}
