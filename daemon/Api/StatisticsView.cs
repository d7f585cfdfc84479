using Cstor.Engine.Statistics;

namespace Cstor.Daemon.Api;

/// <summary>
/// Everything that is always counted, at one moment. Two of them say what happened between.
/// </summary>
/// <param name="Time">Of the daemon.</param>
/// <param name="Buckets">The least number that is too large for each bucket of the histograms.</param>
/// <param name="Stages">Names of the stages, in the order in which volumes have them.</param>
/// <param name="Volumes">Volumes that are served, since they were opened.</param>
/// <param name="Pools">Pools that are open, since they were.</param>
internal sealed record StatisticsView(
    DateTimeOffset Time, long[] Buckets, string[] Stages, VolumeIo[] Volumes, PoolIo[] Pools);
