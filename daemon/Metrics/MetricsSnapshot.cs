using Cstor.Daemon.Api;
using Cstor.Engine.Pools;

namespace Cstor.Daemon.Metrics;

/// <summary>What metrics are made of.</summary>
/// <param name="Version">Of the program.</param>
/// <param name="Process">How the process does.</param>
/// <param name="Pools">Open pools, and those that should be.</param>
/// <param name="Volumes">Volumes of open pools.</param>
/// <param name="Targets">Targets with their sessions.</param>
/// <param name="Replicas">Replicas of volumes that this node leads.</param>
/// <param name="Statistics">Histograms.</param>
internal sealed record MetricsSnapshot(
    string Version,
    ProcessFigures Process,
    PoolStatus[] Pools,
    VolumeView[] Volumes,
    TargetView[] Targets,
    ReplicaFigures[] Replicas,
    StatisticsView Statistics);

/// <param name="StartedAt">When the process began.</param>
/// <param name="ResidentBytes">Memory that it has.</param>
/// <param name="ProcessorSeconds">Processor time that it took.</param>
internal sealed record ProcessFigures(DateTimeOffset StartedAt, long ResidentBytes, double ProcessorSeconds);
