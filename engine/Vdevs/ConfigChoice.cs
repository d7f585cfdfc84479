// Which of the configurations found on a pool's devices is the pool's. Each change writes a higher generation
// to all devices in use, so the highest wins; a device that was away keeps an older one and cannot be told
// apart from one that missed the last write of a crashed host, which is no matter: the winner says who is up
// to date.
//
// Two things are watched besides. A crash may leave a generation on one device only; if the pool then goes on
// without that device, the others write the same generation once more: of two equal generations the one that
// calls the other's holders missing has gone on. And if two sides call each other missing, all of one all of
// the other, each has gone on without the other: nobody but the operator can say which one counts. (A side
// that counts on a device which has a newer configuration was followed by it: no change is acknowledged
// before all devices in use have it.)
using Cstor.PoolLayout.Labels;

namespace Cstor.Engine.Vdevs;

internal static class ConfigChoice
{
    /// <summary>The configuration to go by, and why it is in doubt, or null.</summary>
    /// <param name="devices">Devices with a label of one pool, at least one.</param>
    public static (PoolLabel Best, string? Conflict) Choose(IReadOnlyList<DeviceScan> devices)
    {
        List<(PoolLabel Config, List<DeviceScan> Holders)> sides = [];
        foreach (DeviceScan device in devices.OrderByDescending(device => device.Label!.Generation)
            .ThenBy(device => device.Path, StringComparer.Ordinal))
        {
            int side = sides.FindIndex(known => known.Config.SaysTheSameAs(device.Label!));
            if (side < 0) sides.Add((device.Label!, [device]));
            else sides[side].Holders.Add(device);
        }

        (PoolLabel Config, List<DeviceScan> Holders) best = sides[0];
        foreach ((PoolLabel Config, List<DeviceScan> Holders) other in sides)
        {
            bool isRival = other.Config.Generation == best.Config.Generation;
            if (isRival && Excludes(other.Config, best.Holders) && !Excludes(best.Config, other.Holders))
                best = other;
        }

        foreach ((PoolLabel Config, List<DeviceScan> Holders) other in sides)
        {
            if (ReferenceEquals(other.Config, best.Config)) continue;
            if (!ExcludesAll(other.Config, best.Holders)
                || !ExcludesAll(best.Config, other.Holders)) continue;
            string one = string.Join(", ", best.Holders.Select(holder => holder.Path));
            string two = string.Join(", ", other.Holders.Select(holder => holder.Path));
            return (best.Config, $"{one} and {two} were each used without the other and have diverged");
        }

        return (best.Config, null);
    }

    private static bool ExcludesAll(PoolLabel config, List<DeviceScan> holders)
    {
        HashSet<Guid> current = [.. config.Disks.Where(disk => disk.IsCurrent).Select(disk => disk.Guid)];
        return holders.TrueForAll(holder => !current.Contains(holder.Label!.DeviceGuid));
    }

    /// <summary>
    /// Whether the pool of a label was used without the devices that are in use now, and may have
    /// overwritten anything: then what its device missed is not enough to bring it up to date.
    /// </summary>
    public static bool HasGoneOn(PoolLabel own, HashSet<Guid> current) => !own.Disks.Any(
        disk => disk.IsCurrent && disk.Guid != own.DeviceGuid && current.Contains(disk.Guid));

    private static bool Excludes(PoolLabel config, List<DeviceScan> holders)
    {
        foreach (VdevConfig disk in config.Disks)
        {
            if (!disk.IsCurrent && holders.Exists(holder => holder.Label!.DeviceGuid == disk.Guid))
                return true;
        }

        return false;
    }
}
