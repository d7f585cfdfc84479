// Which of the configurations found on a pool's devices is the pool's. Each change writes a higher generation
// to all devices in use, so within a branch (see BranchHistory) the highest wins, and a branch wins over
// those in its past. A device that was away keeps an older configuration and cannot be told apart from one
// that missed the last write of a crashed host, which is no matter: the winner says who is up to date.
//
// Where neither of two has the other in its past, a crash may have left one on its holders alone. If it
// counts on a device that has the other, it never took effect: nothing is acknowledged before all that are
// counted on have the labels. Otherwise the pool was used in two ways, and nobody but the operator can say
// which one counts.
using Cstor.PoolLayout.Labels;

namespace Cstor.Engine.Vdevs;

internal static class ConfigChoice
{
    /// <summary>The configuration to go by, and why it is in doubt, or null.</summary>
    /// <param name="devices">Devices with a label of one pool, at least one.</param>
    public static (PoolLabel Best, string? Conflict) Choose(IReadOnlyList<DeviceScan> devices)
    {
        List<ConfigSide> sides = [];
        foreach (DeviceScan device in devices.OrderByDescending(device => device.Label!.Generation)
            .ThenBy(device => device.Path, StringComparer.Ordinal))
        {
            ConfigSide? side = sides.Find(known => known.Config.SaysTheSameAs(device.Label!));
            if (side is null) sides.Add(new ConfigSide(device.Label!, [device]));
            else side.Holders.Add(device);
        }

        ConfigSide best = sides[0];
        foreach (ConfigSide other in sides)
            if (other.IsAfter(best)) best = other;
        ConfigSide? rival = sides.Find(
            other => other != best && !other.IsBefore(best) && !other.CountsOn(best));
        return rival is null
            ? (best.Config, null)
            : (best.Config,
                $"{best.Paths} and {rival.Paths} were each used without the other and have diverged");
    }
}
