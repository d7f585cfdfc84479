namespace Cstor.Tests.Simulation.Oracle;

/// <summary>A read under way: for each block, the oldest version it may still return.</summary>
internal sealed record OracleRead(long OffsetBytes, BlockVersion[] Oldest);
