namespace Cstor.Tests.Simulation;

/// <summary>A request as the disk sees it.</summary>
/// <param name="Kind">What it does.</param>
/// <param name="OffsetBytes">Where; 0 for a flush.</param>
/// <param name="LengthBytes">How much; 0 for a flush.</param>
/// <param name="Index">Counted from 0 for each kind over the disk's life.</param>
public readonly record struct DiskRequest(
    DiskRequestKind Kind, long OffsetBytes, long LengthBytes, long Index);
