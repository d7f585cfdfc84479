using Cstor.Engine.Caching;

namespace Cstor.Engine.Pools;

/// <summary>What <c>pool list</c> and <c>pool status</c> show.</summary>
/// <param name="Name">Pool name.</param>
/// <param name="Guid">Identity, never reused.</param>
/// <param name="Health"><c>online</c>, <c>degraded</c>, <c>readonly</c> or <c>stopped</c> (after a failed
/// metadata write).</param>
/// <param name="Reason">Why it is not online, with what to do; or empty.</param>
/// <param name="SizeBytes">Allocatable space of all vdevs.</param>
/// <param name="AllocatedBytes">Space in use, blocks awaiting the next checkpoint included.</param>
/// <param name="FreeBytes">Space that every volume may still take (what is held back or reserved is not
/// counted).</param>
/// <param name="Data">What is on it.</param>
/// <param name="Checkpoint">Number of the newest durable root.</param>
/// <param name="Epoch">Current birth epoch.</param>
/// <param name="LogBytes">Commit log that an import would replay now.</param>
/// <param name="Vdevs">The vdev tree, top level first.</param>
/// <param name="Damage">Damaged copies found since import: labels, uberblocks, nodes, log groups,
/// data.</param>
/// <param name="Scan">The scrub or resilver under way, else the last one; null if there was none.</param>
/// <param name="Cache">Blocks in memory; null while the pool is not open.</param>
public sealed record PoolStatus(
    string Name,
    Guid Guid,
    string Health,
    string Reason,
    long SizeBytes,
    long AllocatedBytes,
    long FreeBytes,
    DataStatus Data,
    ulong Checkpoint,
    ulong Epoch,
    long LogBytes,
    IReadOnlyList<VdevStatus> Vdevs,
    IReadOnlyList<DamageReport> Damage,
    ScanStatus? Scan,
    CacheStatus? Cache)
{
    /// <summary>Free space that single volumes are sure of.</summary>
    public long ReservedBytes { get; init; }
}
