using Cstor.PoolLayout.Labels;

namespace Cstor.Engine.Vdevs;

/// <summary>
/// A top-level vdev as the operator names it: a plain device (disk, one path), or a group and its devices'
/// paths.
/// </summary>
public sealed record VdevSpec(VdevKind Kind, IReadOnlyList<string> Paths);
