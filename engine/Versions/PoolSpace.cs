using Cstor.Engine.Pools;
using Cstor.Engine.Trees;
using Cstor.Engine.Volumes;
using Cstor.PoolLayout;

namespace Cstor.Engine.Versions;

/// <summary>
/// What all volumes hold, and what of the destroyed versions is yet to come back. That is bounded from two
/// sides without reading a tree: by what they own, and by what the versions behind them have dropped.
/// </summary>
internal static class PoolSpace
{
    public static DataStatus Of(PoolCore pool)
    {
        long logical = 0, stored = 0, owned = 0, dropped = 0;
        List<DestructionStatus> destroying = [];
        HashSet<Dataset> followed = [];
        foreach (Dataset? dataset in pool.Slots)
        {
            if (dataset?.Previous is not { Record.IsDestroying: true } previous) continue;
            followed.Add(previous);
            dropped += Math.Max(0, dataset.Record.DroppedSectors);
        }

        foreach (Dataset? dataset in pool.Slots)
        {
            if (dataset is null) continue;
            TreeState tree = dataset.Tree.Durable;
            if (dataset.Record.IsDestroying)
            {
                owned += Math.Max(0, dataset.OwnSectors);
                if (!followed.Contains(dataset)) dropped += tree.AllocatedSectors;
                destroying.Add(new(dataset.Name, VolumeStatusText.DestroyedPercent(dataset.Record))
                {
                    Id = dataset.Id,
                });
            }
            else if (dataset is Volume volume)
            {
                logical += tree.MappedBlocks << volume.BlockShift;
                stored += tree.StoredSectors;
            }
        }

        return new DataStatus(
            logical, stored * Layout.SectorBytes, Math.Min(owned, dropped) * Layout.SectorBytes, destroying);
    }
}
