namespace Cstor.Tests.Simulation;

/// <summary>A write, discard or flush about to be begun.</summary>
/// <param name="Index">Counted from 0 over the node's life.</param>
/// <param name="Disk">The disk it goes to.</param>
/// <param name="Kind">What it does.</param>
/// <param name="OffsetBytes">Where; 0 for a flush.</param>
/// <param name="LengthBytes">How much; 0 for a flush.</param>
public readonly record struct WriteBoundary(
    long Index, SimulatedDisk Disk, DiskRequestKind Kind, long OffsetBytes, long LengthBytes);
