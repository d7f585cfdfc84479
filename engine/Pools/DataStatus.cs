namespace Cstor.Engine.Pools;

/// <summary>What is on a pool, as of the last checkpoint.</summary>
/// <param name="LogicalBytes">Blocks of all volumes as they are now, as they were written.</param>
/// <param name="StoredBytes">The same as they are stored: compressed, without parity, copies and
/// nodes.</param>
/// <param name="FreeingBytes">The most that may still come back of what was destroyed: what newer versions
/// turn out to hold stays.</param>
/// <param name="Destroying">What was destroyed and is not gone yet.</param>
public sealed record DataStatus(
    long LogicalBytes, long StoredBytes, long FreeingBytes, IReadOnlyList<DestructionStatus> Destroying)
{
    public static readonly DataStatus None = new(0, 0, 0, []);

    /// <summary>Logical by stored bytes; 1 for an empty pool.</summary>
    public double CompressionRatio => StoredBytes == 0 ? 1 : (double)LogicalBytes / StoredBytes;
}
