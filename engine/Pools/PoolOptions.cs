using Cstor.Engine.Host;
using Cstor.Engine.Vdevs;

namespace Cstor.Engine.Pools;

/// <summary>How pools run; the same for all pools of a daemon.</summary>
public sealed record PoolOptions
{
    /// <summary>Bound on the read cache that all pools share, bytes.</summary>
    public long CacheBytes { get; init; } = 64L * 1024 * 1024;

    /// <summary>
    /// A bound on the cache for whoever has none in mind: an eighth of the memory, 32 MiB to 4 GiB.
    /// </summary>
    public static long CacheBytesFor(MemoryLevel memory) =>
        Math.Clamp(memory.TotalBytes / 8, 32L * 1024 * 1024, 4L * 1024 * 1024 * 1024);

    /// <summary>
    /// Pointers that await a checkpoint before one begins: just below three quarters of a power of two, up to
    /// which their table, of 38 MiB, does not grow. A checkpoint writes each leaf that they touch once, two
    /// copies of 16 KiB; with 8 GiB in 4K blocks all overwritten at random, that is 0.17 of what was written.
    /// </summary>
    public int PendingLimit { get; init; } = 380 * 1024;

    /// <summary>Bound on parts of blocks that await their write back, bytes of whole blocks.</summary>
    public long WriteBackBytes { get; init; } = 16L * 1024 * 1024;

    /// <summary>
    /// Length of the commit log, in bytes, at which a checkpoint begins: what an import may have to replay.
    /// On a small pool a 32nd of it.
    /// </summary>
    public long LogLimitBytes { get; init; } = 256L * 1024 * 1024;

    /// <summary>Longest time between checkpoints of a pool that is written to.</summary>
    public TimeSpan CheckpointInterval { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Longest time that an acknowledged write without a flush stays volatile.</summary>
    public TimeSpan CommitInterval { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Longest time a device may take for a read or a write before it counts as hanging.</summary>
    public TimeSpan DeviceDeadline { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>The same for a flush or a discard, which disks with large caches take long for.</summary>
    public TimeSpan DeviceFlushDeadline { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Reads of a scan under way on each vdev while nobody else wants anything.</summary>
    public int ScanWindow { get; init; } = 16;

    /// <summary>
    /// Blocks that a scrub or resilver gathers and sorts by place before it reads them. Bounds its memory,
    /// 90 bytes each, and the time that freed space is kept back.
    /// </summary>
    public int ScanPassBlocks { get; init; } = 8192;

    /// <summary>Longest run that a scrub or resilver reads at once, bytes.</summary>
    public int ScanRunBytes { get; init; } = 1024 * 1024;

    /// <summary>The same while volumes are in use: what a request of theirs may have to wait for.</summary>
    public int ScanYieldRunBytes { get; init; } = 64 * 1024;

    /// <summary>
    /// While volumes are in use, a scan rests this many times as long as its last read took. Above 1, the
    /// greater part of requests finds the devices without it.
    /// </summary>
    public int ScanYieldRest { get; init; } = 2;

    /// <summary>Volumes count as in use until no request has come for so long.</summary>
    public TimeSpan ScanIdleAfter { get; init; } = TimeSpan.FromMilliseconds(20);

    /// <summary>Longest time that a restart may set a scrub or resilver back.</summary>
    public TimeSpan ScanSaveInterval { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>This machine, in labels.</summary>
    public HostIdentity Host { get; init; } = HostIdentity.Unknown;
}
