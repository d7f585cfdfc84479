namespace Cstor.Raid;

/// <summary>The part of a block on one device.</summary>
/// <param name="Device">Index of the child.</param>
/// <param name="Sector">First sector on that child, from the end of its front labels.</param>
/// <param name="SectorCount">Sectors, at least one.</param>
/// <param name="DataSector">For data and copies: where in the block this part begins, in sectors. For parity:
/// which one.</param>
/// <param name="Role">Data, copy or parity.</param>
public readonly record struct Column(
    int Device, long Sector, int SectorCount, int DataSector, ColumnRole Role);
