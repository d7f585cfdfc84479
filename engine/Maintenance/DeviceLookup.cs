using Cstor.Engine.Host;
using Cstor.Engine.Vdevs;

namespace Cstor.Engine.Maintenance;

/// <summary>A device of a pool and where it stands in the tree.</summary>
/// <param name="Device">The device.</param>
/// <param name="Vdev">Its top-level vdev; null for a spare that waits.</param>
/// <param name="Slot">Index of its slot in the vdev.</param>
internal sealed record DeviceLookup(PoolDevice Device, Vdev? Vdev, int Slot)
{
    /// <summary>Finds the one device that an operator means.</summary>
    /// <param name="tree">The pool's devices.</param>
    /// <param name="name">A path as the pool knows it, its last part, or a guid.</param>
    public static Outcome<DeviceLookup> Find(PoolTree tree, string name)
    {
        List<DeviceLookup> exact = [];
        List<DeviceLookup> byLastPart = [];
        foreach (DeviceLookup entry in All(tree))
        {
            PoolDevice device = entry.Device;
            if (device.Path == name || device.Guid.ToString() == name) exact.Add(entry);
            else if (System.IO.Path.GetFileName(device.Path) == name) byLastPart.Add(entry);
        }

        List<DeviceLookup> found = exact.Count > 0 ? exact : byLastPart;
        if (found.Count == 1) return found[0];
        return found.Count == 0
            ? new Fault("no-such-device", $"{name}: no device of this pool",
                "Name it as 'cstor pool status' does, by its path or guid")
            : new Fault("device-ambiguous", $"{name}: {found.Count} devices of this pool are called so",
                $"Use a guid: {string.Join(", ", found.Select(entry => entry.Device.Guid))}");
    }

    /// <summary>All devices, spares last.</summary>
    public static IEnumerable<DeviceLookup> All(PoolTree tree)
    {
        foreach (Vdev vdev in tree.Vdevs)
            for (int slot = 0; slot < vdev.Slots.Length; slot++)
                foreach (PoolDevice member in vdev.Slots[slot].Members)
                    yield return new DeviceLookup(member, vdev, slot);
        foreach (PoolDevice spare in tree.Spares) yield return new DeviceLookup(spare, null, 0);
    }
}
