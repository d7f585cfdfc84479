using Cstor.Engine.Host;
using Cstor.Engine.Pools;
using Cstor.Engine.Vdevs;

namespace Cstor.Engine.Maintenance;

/// <summary>The one way in which a changed tree becomes the pool's.</summary>
internal static class TreeChange
{
    /// <summary>Logs the change and makes it durable in the labels of all devices in use.</summary>
    public static async ValueTask<Outcome<Unit>> SaveAsync(PoolCore pool, PoolTree tree, string change)
    {
        MaintenanceLog.Changed(pool.Logger, pool.Devices.PoolName, change);
        IoStatus status = await pool.Devices.SaveTreeAsync(tree);
        return status == IoStatus.Ok ? Unit.Value : new Fault(
            "label-write-failed", $"{change}, but the labels could not be written ({status})",
            "Look at: cstor pool status");
    }
}
