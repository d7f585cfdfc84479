using Cstor.Engine.Blocks;
using Cstor.PoolLayout;

namespace Cstor.Engine.Scrub;

/// <summary>One place of a block that a scan is to look at.</summary>
internal readonly record struct ScanItem(BlockPlace Place, BlockPointer Pointer, DamageKind Kind)
{
    public int PhysicalBytes => Pointer.PhysicalSectors << Layout.SectorShift;
}
