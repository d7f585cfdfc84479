using Cstor.PoolLayout.Labels;

namespace Cstor.Engine.Vdevs;

/// <summary>
/// What a pool's labels say besides the vdev tree, and what does not change while it is open.
/// </summary>
internal sealed record PoolIdentity(
    string Name,
    Guid Guid,
    HostIdentity Host,
    IReadOnlyList<string> Features,
    IReadOnlyList<string> WriteFeatures)
{
    /// <summary>A label with this identity.</summary>
    public PoolLabel Label(
        PoolState state,
        ulong generation,
        IReadOnlyList<ulong> branches,
        Guid deviceGuid,
        IReadOnlyList<VdevConfig> vdevs) => new()
    {
        PoolName = Name,
        PoolGuid = Guid,
        State = state,
        Generation = generation,
        Branches = branches,
        Features = Features,
        WriteFeatures = WriteFeatures,
        DeviceGuid = deviceGuid,
        HostName = Host.Name,
        HostId = Host.Id,
        Vdevs = vdevs,
    };
}
