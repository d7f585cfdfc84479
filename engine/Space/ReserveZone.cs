// A full pool must still checkpoint, unmap and destroy. What these need is no number of sectors but runs:
// a segment of the log is 256 adjoining ones, a node four. So each data vdev keeps a zone at its end that
// data never enters. Its last part is slots for log segments and nothing else; before them is room for tree
// nodes, tables and the space log. Both enter the zone only when there is no run for them elsewhere, so that
// it is whole when it is needed. The zone is policy, not format: whatever an import finds in it stays.
using Cstor.PoolLayout;
using Cstor.PoolLayout.Labels;
using Cstor.Raid;

namespace Cstor.Engine.Space;

/// <summary>How much of a vdev's end data must not enter.</summary>
/// <param name="MetadataSectors">For metadata, and for the log if its slots do not do.</param>
/// <param name="LogSlots">Segments' room behind that, for the log alone.</param>
internal readonly record struct ReserveZone(long MetadataSectors, int LogSlots)
{
    // Two copies of: the current segment, the one allocated ahead, and two to spare. More on a large vdev,
    // for what is sure for the log bounds what may wait to be written back.
    private const int LeastSlots = 8;
    private const int MostSlots = 512;
    private const long SectorsPerSlot = 1L << 14;

    // Nodes of the smallest zone: what a checkpoint of a few hundred scattered blocks writes.
    private const int MinimumNodes = 256;

    // Where blocks of 4K fill a vdev, its leaves take a 32nd of it, both copies. The checkpoint under way and
    // the next one may write nearly twice that while the old ones still count; there is some room elsewhere,
    // and with less, writers would be stopped.
    private const int MetadataShare = 20;

    private const int NodeSectors = Layout.NodeBytes / Layout.SectorBytes;
    private const long MaximumSectors = 1L << 25;

    public static readonly ReserveZone None;

    /// <summary>The zone of a vdev: a 20th of it, more on a small one, but never above a quarter.</summary>
    public static ReserveZone For(VdevGeometry geometry, VdevRole role, long sectorCount)
    {
        if (role != VdevRole.Data) return None;
        long quarter = sectorCount / 4;
        long wanted = Math.Clamp(sectorCount / SectorsPerSlot, LeastSlots, MostSlots);
        long slots = Math.Min(wanted, quarter * 2 / 3 / SegmentSectors(geometry));
        long least = MinimumNodes * geometry.AllocatedSectors(NodeSectors);
        long metadata = Math.Clamp(sectorCount / MetadataShare, least, Math.Max(least, MaximumSectors));
        return new ReserveZone(
            Math.Min(metadata, quarter - (slots * SegmentSectors(geometry))), (int)slots);
    }

    /// <summary>
    /// What a segment of the log takes on a vdev: its sectors as they lie, rounded up so that the hole it
    /// leaves can hold blocks.
    /// </summary>
    public static int SegmentSectors(VdevGeometry geometry)
    {
        int multiple = geometry.AllocatedSectors(1);
        return (Layout.LogSegmentSectors + multiple - 1) / multiple * multiple;
    }
}
