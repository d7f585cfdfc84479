namespace Cstor.Engine.Caching;

/// <summary>The read cache as a pool sees it. Memory is shared by all pools of the process.</summary>
/// <param name="NodeBytes">Nodes of this pool's trees.</param>
/// <param name="DataBytes">Blocks of this pool's volumes.</param>
/// <param name="HeldBytes">Memory taken from the system, all pools.</param>
/// <param name="AllowedBytes">What it may take now: less than the limit while memory is short.</param>
/// <param name="LimitBytes">What it was given at most.</param>
/// <param name="NodeHits">Look-ups of nodes since import.</param>
/// <param name="NodeMisses">Nodes read from devices.</param>
/// <param name="DataHits">Blocks of volumes that were read from the cache.</param>
/// <param name="DataMisses">Blocks of volumes that were not in the cache.</param>
/// <param name="AheadRead">Blocks that were read before they were asked for.</param>
/// <param name="AheadUsed">Those of them that then were.</param>
/// <param name="Evicted">Blocks of this pool that went for others.</param>
/// <param name="GivenBackBytes">Memory given back to a system that ran short, all pools.</param>
public sealed record CacheStatus(
    long NodeBytes,
    long DataBytes,
    long HeldBytes,
    long AllowedBytes,
    long LimitBytes,
    long NodeHits,
    long NodeMisses,
    long DataHits,
    long DataMisses,
    long AheadRead,
    long AheadUsed,
    long Evicted,
    long GivenBackBytes);
