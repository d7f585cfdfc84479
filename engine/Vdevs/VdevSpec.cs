using Cstor.PoolLayout.Labels;

namespace Cstor.Engine.Vdevs;

/// <summary>
/// A top-level vdev as the operator names it: a plain device (disk, one path), or a group and its devices'
/// paths.
/// </summary>
/// <param name="Kind">Disk, mirror or raidz1 to 3.</param>
/// <param name="Paths">Its devices.</param>
/// <param name="Role">What for.</param>
public sealed record VdevSpec(
    VdevKind Kind, IReadOnlyList<string> Paths, VdevRole Role = VdevRole.Data);
