namespace Cstor.PoolLayout.Labels;

/// <summary>
/// What a node of the vdev tree is. The spelling in a label is the lower-case name. Kinds that this program
/// cannot open are reserved, so that a label which has them is refused by name rather than called broken.
/// </summary>
public enum VdevKind
{
    /// <summary>A device; the only kind without children.</summary>
    Disk = 1,

    /// <summary>Every child holds everything.</summary>
    Mirror,

    Raidz1,

    Raidz2,

    Raidz3,

    /// <summary>A child being replaced and the device that takes its place; written like a mirror.</summary>
    Replacing,

    /// <summary>A child and the spare that stands in for it; written like a mirror.</summary>
    Spare,
}
