namespace Cstor.Tests.Simulation.Oracle;

/// <summary>A write or unmap under way: the version it makes of each block it touches.</summary>
internal sealed class OracleRequest(List<BlockVersion> versions, long firstBlock)
{
    public List<BlockVersion> Versions { get; } = versions;

    public long FirstBlock { get; } = firstBlock;
}
