using Cstor.Engine.Host;
using Cstor.PoolLayout.Labels;

namespace Cstor.Engine.Vdevs;

/// <summary>
/// The open vdevs of a pool, in order of their numbers, and its spares, which no place names and whose
/// numbers come last. Immutable.
/// </summary>
internal sealed record PoolTree(Vdev[] Vdevs, PoolDevice[] Spares)
{
    /// <summary>All devices, spares included.</summary>
    public IEnumerable<PoolDevice> Devices => Vdevs.SelectMany(vdev => vdev.Devices).Concat(Spares);

    /// <summary>Gives each disk of a configuration its opened device.</summary>
    public static PoolTree Open(
        IReadOnlyList<VdevConfig> configs,
        IReadOnlyList<PoolDevice> devices,
        ILoop loop,
        Membership membership)
    {
        List<Vdev> vdevs = [];
        List<PoolDevice> spares = [];
        foreach (VdevConfig config in configs)
        {
            if (config.Role == VdevRole.Spare)
                spares.Add(devices.First(device => device.Guid == config.Guid));
            else vdevs.Add(Vdev.Create(config, devices, loop, membership));
        }

        return new PoolTree([.. vdevs], [.. spares]);
    }

    /// <summary>The tree as the next label will have it.</summary>
    public VdevConfig[] Configs() =>
    [
        .. Vdevs.Select(vdev => vdev.CurrentConfig()),
        .. Spares.Select((spare, index) =>
            spare.Config with { Id = Vdevs.Length + index, Role = VdevRole.Spare }),
    ];
}
