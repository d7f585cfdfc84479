namespace Cstor.Raid;

/// <summary>The part of a block on one child.</summary>
/// <param name="Child">Position of the child.</param>
/// <param name="Sector">First sector on that child, from the end of its front labels.</param>
/// <param name="SectorCount">Sectors, at least one.</param>
/// <param name="Index">For data: where in the block this part begins, in sectors. For parity: 0 for P, 1 for
/// Q, 2 for R.</param>
/// <param name="Role">Data or parity.</param>
public readonly record struct Column(int Child, long Sector, int SectorCount, int Index, ColumnRole Role);
