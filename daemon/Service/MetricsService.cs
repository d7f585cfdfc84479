using System.Diagnostics;
using Cstor.Daemon.Api;
using Cstor.Daemon.Metrics;
using Cstor.Daemon.Replicas;
using Cstor.Engine.Host;
using Cstor.Engine.Host.Linux;
using Cstor.Engine.Pools;

namespace Cstor.Daemon.Service;

/// <summary>
/// Gathers what metrics are made of. Only the numbers are taken on the loop; the text, which is long with
/// many volumes, is made by whoever asks.
/// </summary>
internal sealed class MetricsService(
    LinuxLoop loop, PoolService pools, VolumeService volumes, ReplicaGroups groups, TargetService targets,
    StatisticsService statistics)
{
    public Task<Outcome<StatisticsView>> StatisticsAsync() => statistics.TakeAsync();

    public async Task<Outcome<string>> WriteAsync(bool legacy)
    {
        Outcome<PoolStatus[]> allPools = await pools.ListAsync();
        if (!allPools.IsOk) return allPools.Fault;
        Outcome<VolumeView[]> allVolumes = await volumes.ListAsync(null);
        if (!allVolumes.IsOk) return allVolumes.Fault;
        Outcome<TargetView[]> allTargets = await targets.ListAsync();
        if (!allTargets.IsOk) return allTargets.Fault;
        Outcome<StatisticsView> counted = await statistics.TakeAsync();
        if (!counted.IsOk) return counted.Fault;
        ReplicaFigures[] replicas = await loop.ReadAsync(() => ReplicaFigures.Of(groups));
        using Process process = Process.GetCurrentProcess();
        ProcessFigures figures = new(
            process.StartTime.ToUniversalTime(), process.WorkingSet64,
            process.TotalProcessorTime.TotalSeconds);
        MetricsSnapshot snapshot = new(
            ProgramVersion.Text, figures, allPools.Value, allVolumes.Value, allTargets.Value,
            replicas, counted.Value);
        return legacy ? LegacyMetrics.Write(snapshot) : MetricsReport.Write(snapshot);
    }
}
