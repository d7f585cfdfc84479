namespace Cstor.Tests.Simulation.Oracle;

/// <summary>A read under way: for each block, the oldest version it may still return.</summary>
/// <param name="OffsetBytes">Where it begins.</param>
/// <param name="Oldest">For each block.</param>
/// <param name="Life">How many crashes there had been: a read that outlives one proves nothing.</param>
internal sealed record OracleRead(long OffsetBytes, BlockVersion[] Oldest, int Life);
