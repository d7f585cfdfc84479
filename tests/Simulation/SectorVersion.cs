namespace Cstor.Tests.Simulation;

/// <summary>What one write made of a sector, in the cache.</summary>
internal readonly record struct SectorVersion(DiskWrite Write, byte[] Bytes);
