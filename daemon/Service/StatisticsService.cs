using Cstor.Daemon.Api;
using Cstor.Engine.Host;
using Cstor.Engine.Host.Linux;
using Cstor.Engine.Pools;
using Cstor.Engine.Statistics;
using Cstor.Target;

namespace Cstor.Daemon.Service;

/// <summary>What the loop has counted, taken in one turn of it. Called from any thread.</summary>
internal sealed class StatisticsService(LinuxLoop loop, PoolRegistry registry, TargetServer server)
{
    private static readonly long[] Buckets =
        [.. Enumerable.Range(0, Histogram.BucketCount).Select(Histogram.EndOf)];

    private static readonly string[] Stages = [.. Enum.GetNames<IoStage>()];

    public async Task<Outcome<StatisticsView>> TakeAsync() => await loop.ReadAsync(() => new StatisticsView(
        loop.UtcNow,
        Buckets,
        Stages,
        [.. server.Io()],
        [.. registry.Pools.Select(pool => new PoolIo(pool.Name, [.. pool.DeviceIo()]))]));
}
