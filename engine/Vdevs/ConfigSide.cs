using Cstor.PoolLayout.Labels;

namespace Cstor.Engine.Vdevs;

/// <summary>A configuration of a pool, and who has it; see <see cref="ConfigChoice"/>.</summary>
internal sealed record ConfigSide(PoolLabel Config, List<DeviceScan> Holders)
{
    /// <summary>For people.</summary>
    public string Paths => string.Join(", ", Holders.Select(holder => holder.Path));

    /// <summary>The other one, though of no lower generation, is out of date.</summary>
    public bool IsAfter(ConfigSide other) => !IsBefore(other)
        && (other.IsBefore(this) || (other.CountsOn(this) && !CountsOn(other)));

    /// <summary>The other one's branch came from this one's, or is the same.</summary>
    public bool IsBefore(ConfigSide other) => BranchHistory.Includes(other.Config.Branches, Config);

    /// <summary>One of the devices that have the other one has everything, according to this one.</summary>
    public bool CountsOn(ConfigSide other) => Config.Disks.Any(
        disk => disk.IsCurrent && other.Holders.Exists(holder => holder.Label!.DeviceGuid == disk.Guid));
}
