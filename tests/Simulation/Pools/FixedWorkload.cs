using Cstor.Tests.Simulation.Workloads;

namespace Cstor.Tests.Simulation.Pools;

/// <summary>
/// A workload in which every kind of change happens: volumes created, resized and destroyed, writes of all
/// sizes, overwrites,
/// unmaps, flushes, FUA, several checkpoints, and several segments of the commit log.
/// </summary>
internal static class FixedWorkload
{
    private const int KiB = 1024;
    private const int MiB = 1024 * KiB;

    public static async ValueTask RunAsync(PoolSession session)
    {
        WorkloadMix mix = new() { Concurrency = 6, MaximumBytes = 128 * KiB };
        WorkloadMix small = mix with { MaximumBytes = 8 * KiB, Durable = 0.9, Concurrency = 2 };
        await session.CreateVolumeAsync("a", 2 * MiB, 4 * KiB, "off");
        await session.WorkAsync(mix, 60);
        await session.CreateVolumeAsync("b", MiB, 16 * KiB, "lz4");
        await session.WorkAsync(mix, 60);
        await session.CheckpointAsync([]);
        await session.WorkAsync(small, 120);
        await session.CreateVolumeAsync("c", 512 * KiB, 128 * KiB, "zstd");
        await Task.WhenAll(session.WorkAsync(mix, 40).AsTask(), session.CheckpointAsync([]).AsTask());
        await session.ResizeVolumeAsync(session.Drivers[0], MiB);
        await session.WorkAsync(mix, 30);
        await session.ResizeVolumeAsync(session.Drivers[0], 3 * MiB);
        await session.WorkAsync(mix, 30);
        await session.DestroyVolumeAsync(session.Drivers[1]);
        await session.WorkAsync(small, 60);
        await session.CheckpointAsync([]);
        await session.WorkAsync(mix, 40);
    }
}
