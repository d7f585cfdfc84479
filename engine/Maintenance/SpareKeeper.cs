using Cstor.Engine.Host;
using Cstor.Engine.Pools;
using Cstor.Engine.Vdevs;
using Cstor.PoolLayout.Labels;

namespace Cstor.Engine.Maintenance;

/// <summary>
/// Lets spares stand in for devices that failed or are gone, not for those the operator took offline. When
/// the device is back and complete, or was replaced, its spare waits again.
/// </summary>
internal sealed class SpareKeeper(PoolCore pool)
{
    public async ValueTask StandInAsync()
    {
        PoolTree tree = pool.Devices.Tree;
        bool isChanged = false;
        foreach (Vdev vdev in tree.Vdevs)
        {
            for (int slot = 0; slot < vdev.Slots.Length; slot++)
            {
                VdevSlot before = vdev.Slots[slot];
                if (before.Kind != VdevKind.Disk || !NeedsSpare(vdev, before.Members[0])) continue;
                long needed = vdev.Geometry.ChildSectors;
                PoolDevice? spare = tree.Spares
                    .Where(candidate => candidate.IsWritable && candidate.SizeSectors >= needed)
                    .MinBy(candidate => candidate.SizeSectors);
                if (spare is null) continue;
                spare.LackEverything();
                tree = tree with { Spares = [.. tree.Spares.Where(other => other != spare)] };
                VdevSlot[] slots = [.. vdev.Slots];
                slots[slot] = new VdevSlot(
                    VdevKind.Spare, PoolCreation.NewGuid(pool.Loop), [before.Members[0], spare]);
                vdev.Rearrange(vdev.Kind, vdev.Guid, slots);
                MaintenanceLog.StandsIn(
                    pool.Logger, pool.Devices.PoolName, spare.Path, before.Members[0].Path);
                isChanged = true;
            }
        }

        if (!isChanged) return;
        IoStatus status = await pool.Devices.SaveTreeAsync(tree);
        if (status != IoStatus.Ok)
            MaintenanceLog.Failed(pool.Logger, pool.Devices.PoolName,
                $"the labels that say so could not be written ({status})");
    }

    // A plain device has nobody to learn from.
    private static bool NeedsSpare(Vdev vdev, PoolDevice device) =>
        device.State is VdevState.Faulted or VdevState.Removed && vdev.StandsWithout(device);
}
