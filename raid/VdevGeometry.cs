// Where the blocks of a top-level vdev lie on its children. A vdev is addressed in sectors of its own; a
// block is a run of them and its geometry follows from (first sector, data sectors) alone. This is what lets
// a block be its own stripe in raidz: no block shares a parity sector with another, so nothing is ever read,
// modified and written back, and there is no write hole. The space a block takes (AllocatedSectors) is in its
// pointer, parity included. Pure arithmetic, no I/O.
using Cstor.PoolLayout;
using Cstor.PoolLayout.Labels;

namespace Cstor.Raid;

/// <summary>How a vdev of some kind and width maps blocks to its children.</summary>
public abstract class VdevGeometry
{
    private protected VdevGeometry(int width, long childSectors)
    {
        Check.That(width > 0 && childSectors > 0);
        Width = width;
        ChildSectors = childSectors;
    }

    /// <summary>Children.</summary>
    public int Width { get; }

    /// <summary>Usable sectors of the smallest child.</summary>
    public long ChildSectors { get; }

    /// <summary>Sectors that places can address on this vdev.</summary>
    public abstract long SectorCount { get; }

    /// <summary>Children that may be missing without loss.</summary>
    public abstract int Redundancy { get; }

    /// <summary>
    /// Ways to obtain a block, each independent of at least one child that another way needs; 1: only one.
    /// </summary>
    public abstract int CopyCount { get; }

    /// <summary>Most columns of a block.</summary>
    public abstract int MaximumColumns { get; }

    /// <summary>Whether this program has a geometry for the kind.</summary>
    public static bool IsSupported(VdevKind kind) => kind is VdevKind.Disk or VdevKind.Mirror;

    /// <summary>
    /// The geometry of a vdev whose smallest child has that many sectors. The kind must be a supported one.
    /// </summary>
    public static VdevGeometry Create(VdevKind kind, int width, long childSectors)
    {
        Check.That(IsSupported(kind));
        return kind == VdevKind.Disk
            ? new DiskGeometry(childSectors)
            : new MirrorGeometry(width, childSectors);
    }

    /// <summary>
    /// Sectors that a block of that many data sectors takes on this vdev, one copy, parity included.
    /// </summary>
    public abstract int AllocatedSectors(int dataSectors);

    /// <summary>All columns that hold the block: what a write has to write.</summary>
    /// <returns>Their number.</returns>
    public abstract int PlanWrite(long sector, int dataSectors, Span<Column> columns);

    /// <summary>
    /// The columns that one way of obtaining the block needs, the first way being the cheapest.
    /// </summary>
    /// <returns>Their number.</returns>
    public abstract int PlanRead(long sector, int dataSectors, int copy, Span<Column> columns);

    private protected void CheckRange(long sector, int dataSectors) =>
        Check.That(sector >= 0 && dataSectors > 0 && AllocatedSectors(dataSectors) <= SectorCount - sector);
}
