using Cstor.PoolLayout.Labels;

namespace Cstor.Engine.Vdevs;

/// <summary>A disk of a pool's vdev tree and where a scan found it.</summary>
/// <param name="Position">Top-level vdev, and child if it is a group: "0", "1.2".</param>
/// <param name="Config">What the newest configuration says of it.</param>
/// <param name="Device">The device, or null if it is missing.</param>
public sealed record FoundDevice(string Position, VdevConfig Config, DeviceScan? Device);
