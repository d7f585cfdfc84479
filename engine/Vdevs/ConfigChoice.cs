// Which of the configurations found on a pool's devices is the pool's. Each change writes a higher generation
// to all devices in use, so the highest wins; a device that was away keeps an older one and cannot be told
// apart from one that missed the last write of a crashed host, which is no matter: the winner says who is up
// to date.
//
// Two things are watched besides. A crash may leave a generation on one device only; if the pool then goes on
// without that device, the others write the same generation once more: of two equal generations the one that
// calls the other's holders missing has gone on. And a pool may have been used in two ways: when neither
// counts on a device of the other, and the older one did go on alone (it needs nobody else, or calls devices
// of the newer one missing), nobody but the operator can say which one counts. An older configuration that
// counts on devices which are gone is just old: they went on with the others.
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
            if (CountsOn(best.Config, other.Holders) || CountsOn(other.Config, best.Holders)
                || !WentOn(other, best.Holders)) continue;
            string one = string.Join(", ", best.Holders.Select(holder => holder.Path));
            string two = string.Join(", ", other.Holders.Select(holder => holder.Path));
            return (best.Config, $"{one} and {two} were each used without the other and have diverged");
        }

        return (best.Config, null);
    }

    /// <summary>
    /// Whether the pool of a label was used without the devices that are in use now, and may have
    /// overwritten anything: then what its device missed is not enough to bring it up to date.
    /// </summary>
    public static bool HasGoneOn(PoolLabel own, HashSet<Guid> current)
    {
        VdevConfig[] others = [.. own.Disks.Where(disk => disk.Guid != own.DeviceGuid)];
        if (others.Any(disk => disk.IsCurrent && current.Contains(disk.Guid))) return false;
        return others.Any(disk => disk.State != VdevState.Online && current.Contains(disk.Guid))
            || !others.Any(disk => disk.IsCurrent);
    }

    private static bool CountsOn(PoolLabel config, List<DeviceScan> holders)
    {
        HashSet<Guid> current = CurrentOf(config);
        return holders.Exists(holder => current.Contains(holder.Label!.DeviceGuid));
    }

    private static bool WentOn(
        (PoolLabel Config, List<DeviceScan> Holders) side, List<DeviceScan> newer)
    {
        HashSet<Guid> present = [.. side.Holders.Select(holder => holder.Label!.DeviceGuid)];
        return Shuns(side.Config, newer) || CurrentOf(side.Config).IsSubsetOf(present);
    }

    // Was used without one of them; one that was being brought up to date took part.
    private static bool Shuns(PoolLabel config, List<DeviceScan> holders) => config.Disks.Any(
        disk => disk.State != VdevState.Online
            && holders.Exists(holder => holder.Label!.DeviceGuid == disk.Guid));

    private static HashSet<Guid> CurrentOf(PoolLabel config) =>
        [.. config.Disks.Where(disk => disk.IsCurrent).Select(disk => disk.Guid)];

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
