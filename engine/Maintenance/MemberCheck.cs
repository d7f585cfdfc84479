using Cstor.Engine.Host;
using Cstor.Engine.Pools;
using Cstor.Engine.Vdevs;
using Cstor.PoolLayout.Labels;

namespace Cstor.Engine.Maintenance;

/// <summary>
/// A device of this very pool that is out of use now may hold the only copy of something: it is not
/// overwritten under another role, not even by force.
/// </summary>
internal static class MemberCheck
{
    /// <summary>Why one of the devices cannot be taken, or null.</summary>
    /// <param name="pool">The pool that they would join.</param>
    /// <param name="admitted">Opened.</param>
    /// <param name="replaced">The device whose place is taken, which may be wiped itself; or empty.</param>
    public static async ValueTask<Fault?> FindAsync(
        PoolCore pool, IReadOnlyList<AdmittedDevice> admitted, Guid replaced)
    {
        foreach (AdmittedDevice device in admitted)
        {
            PoolLabel? label = LabelStore.Newest(await LabelStore.ReadAsync(pool.Loop, device.Disk));
            if (label?.PoolGuid != pool.Devices.PoolGuid || label.DeviceGuid == replaced) continue;
            if (!pool.Devices.Tree.Devices.Any(member => member.Guid == label.DeviceGuid)) continue;
            return new Fault(
                "device-of-this-pool",
                $"{device.Disk.Path}: is device {label.DeviceGuid} of this pool, though not in use now",
                "Bring it back with: cstor pool online. Or detach or replace it first");
        }

        return null;
    }
}
