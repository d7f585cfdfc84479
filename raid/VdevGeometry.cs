// Where the blocks of a top-level vdev lie on its children. A vdev is addressed in sectors of its own; a
// block is a run of them and its geometry follows from (first sector, data sectors) alone. This is what lets
// a block be its own stripe in raidz: no block shares a parity sector with another, so nothing is ever read,
// modified and written back, and there is no write hole. The size of the children bounds the addresses and
// changes none, so a vdev can grow in place. Pure arithmetic, no I/O.
//
// A child is a position that one device fills, or several alike: a mirror is one position with all its
// devices, and a device being replaced shares its position with the one that takes over.
using Cstor.PoolLayout;
using Cstor.PoolLayout.Labels;

namespace Cstor.Raid;

/// <summary>How a vdev of some kind and width maps blocks to its children.</summary>
public abstract class VdevGeometry
{
    private protected VdevGeometry(int width, int parity, long childSectors)
    {
        Check.That(width > parity && childSectors > 0);
        Width = width;
        Parity = parity;
        ChildSectors = childSectors;
    }

    /// <summary>Positions.</summary>
    public int Width { get; }

    /// <summary>Positions that may be lost without loss of data: parity columns of each block.</summary>
    public int Parity { get; }

    /// <summary>Usable sectors of the smallest child.</summary>
    public long ChildSectors { get; }

    /// <summary>Sectors that places can address on this vdev, parity included.</summary>
    public long SectorCount => Width * ChildSectors;

    /// <summary>Most columns of a block: parity columns, then data columns.</summary>
    public int MaximumColumns => Width;

    /// <summary>Whether this program has a geometry for the kind of top-level vdev.</summary>
    public static bool IsSupported(VdevKind kind) =>
        kind is VdevKind.Disk or VdevKind.Mirror || ParityOf(kind) > 0;

    /// <summary>Parity columns of a vdev of that kind.</summary>
    public static int ParityOf(VdevKind kind) => kind switch
    {
        VdevKind.Raidz1 => 1,
        VdevKind.Raidz2 => 2,
        VdevKind.Raidz3 => 3,
        _ => 0,
    };

    /// <summary>
    /// The geometry of a vdev whose smallest child has that many sectors. The kind must be a supported one.
    /// </summary>
    /// <param name="kind">A disk and a mirror have one position, whatever their devices.</param>
    /// <param name="children">Children in the label's tree.</param>
    /// <param name="childSectors">Usable sectors of the smallest.</param>
    public static VdevGeometry Create(VdevKind kind, int children, long childSectors)
    {
        Check.That(IsSupported(kind));
        int parity = ParityOf(kind);
        return parity == 0
            ? new PlainGeometry(childSectors)
            : new RaidzGeometry(children, parity, childSectors);
    }

    /// <summary>
    /// Sectors of this vdev that a block of that many data sectors takes, parity and padding included.
    /// </summary>
    public abstract int AllocatedSectors(int dataSectors);

    /// <summary>All columns of a block, parity first, then data in order.</summary>
    /// <returns>Their number.</returns>
    public abstract int Plan(long sector, int dataSectors, Span<Column> columns);

    private protected void CheckRange(long sector, int dataSectors) =>
        Check.That(sector >= 0 && dataSectors > 0 && AllocatedSectors(dataSectors) <= SectorCount - sector);
}
