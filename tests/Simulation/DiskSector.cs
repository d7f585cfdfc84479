namespace Cstor.Tests.Simulation;

/// <summary>A sector's number on its disk, and content that is never changed in place.</summary>
internal readonly record struct DiskSector(long Sector, byte[] Bytes);
