using Cstor.Engine.Vdevs;

namespace Cstor.Engine.Pools;

/// <summary>How pools run; the same for all pools of a daemon.</summary>
public sealed record PoolOptions
{
    /// <summary>Bound on cached metadata per pool, bytes.</summary>
    public long CacheBytes { get; init; } = 64L * 1024 * 1024;

    /// <summary>Pointers that await a checkpoint before one begins.</summary>
    public int PendingLimit { get; init; } = 90 * 1024;

    /// <summary>Length of the commit log, in bytes, at which a checkpoint begins.</summary>
    public long LogLimitBytes { get; init; } = 32L * 1024 * 1024;

    /// <summary>Longest time between checkpoints of a pool that is written to.</summary>
    public TimeSpan CheckpointInterval { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Longest time that an acknowledged write without a flush stays volatile.</summary>
    public TimeSpan CommitInterval { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Longest time a device may take for a read or a write before it counts as hanging.</summary>
    public TimeSpan DeviceDeadline { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>The same for a flush or a discard, which disks with large caches take long for.</summary>
    public TimeSpan DeviceFlushDeadline { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>This machine, in labels.</summary>
    public HostIdentity Host { get; init; } = HostIdentity.Unknown;
}
