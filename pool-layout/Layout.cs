namespace Cstor.PoolLayout;

/// <summary>The sizes and offsets that the format fixes.</summary>
public static class Layout
{
    /// <summary>Version of everything on disk. A higher one is refused by name.</summary>
    public const uint FormatVersion = 2;

    /// <summary>The pool's unit of allocation and I/O, whatever the disk's own sector.</summary>
    public const int SectorBytes = 4096;

    public const int SectorShift = 12;

    /// <summary>One of the four labels of a device.</summary>
    public const int LabelBytes = 256 * 1024;

    /// <summary>Two labels at each end.</summary>
    public const int LabelCount = 4;

    /// <summary>
    /// Where a label's configuration text begins; the 16 KiB before it stay free for partition tables and
    /// boot sectors.
    /// </summary>
    public const int LabelConfigOffset = 16 * 1024;

    /// <summary>Room for the configuration block: header, text and checksum.</summary>
    public const int LabelConfigBytes = 112 * 1024;

    /// <summary>Where a label's uberblock ring begins.</summary>
    public const int UberblockRingOffset = 128 * 1024;

    /// <summary>Slots in the ring, one uberblock each; checkpoint n takes slot n modulo this.</summary>
    public const int UberblockSlots = 32;

    public const int UberblockBytes = 4096;

    /// <summary>Device offset of a vdev's sector 0, behind the two front labels.</summary>
    public const long DataStartBytes = 2L * LabelBytes;

    /// <summary>Smallest device that can join a pool.</summary>
    public const long MinimumDeviceBytes = 64L * 1024 * 1024;

    /// <summary>A tree node: 256 pointers.</summary>
    public const int NodeBytes = 16 * 1024;

    /// <summary>Pointers in a node.</summary>
    public const int NodeFanout = NodeBytes / BlockPointer.Bytes;

    public const int NodeFanoutShift = 8;

    /// <summary>Sectors that one bitmap block of the space map covers: 128 MiB.</summary>
    public const int RegionSectors = 8 * SectorBytes;

    /// <summary>
    /// Most sectors of a top-level vdev: the space map's index has 20 bits for the region. 128 TiB.
    /// </summary>
    public const long MaximumVdevSectors = (long)RegionSectors << 20;

    /// <summary>Smallest and largest volume block.</summary>
    public const int MinimumBlockBytes = 4096;

    public const int MaximumBlockBytes = 128 * 1024;

    /// <summary>A segment of the commit log.</summary>
    public const int LogSegmentBytes = 1024 * 1024;

    public const int LogSegmentSectors = LogSegmentBytes / SectorBytes;

    /// <summary>The largest group of the commit log, header included.</summary>
    public const int LogGroupMaximumBytes = 128 * 1024;
}
