using Cstor.Target.Replication;

namespace Cstor.Tests.Simulation.Replication;

/// <summary>
/// Brings misfortune on a cluster, within what it must survive: of the replicas that hold what was
/// acknowledged, one at least keeps its memory.
/// </summary>
internal sealed class Nemesis(Cluster cluster)
{
    private readonly SimulatedRandom _random = SimulatedRandom.For(cluster.Machine.Seed, "nemesis");
    private readonly List<ClusterNode> _down = [];

    /// <summary>Something happens, and some time passes.</summary>
    public async ValueTask StrikeAsync()
    {
        ClusterNode node = cluster.Nodes[_random.Below(cluster.Nodes.Count)];
        ClusterNode other = cluster.Nodes[_random.Below(cluster.Nodes.Count)];
        switch (_random.Below(10))
        {
            case 0 or 1:
                Crash(node);
                break;
            case 2:
                if (MayLose(node)) await RestartInGoodOrderAsync(node);
                break;
            case 3:
                foreach (ClusterNode peer in cluster.Nodes)
                    if (peer != node)
                        cluster.Machine.Links.CutBoth(node.Node, peer.Node);
                break;
            case 4:
                if (node != other) cluster.Machine.Links.Cut(node.Node, other.Node);
                break;
            case 5:
                if (node != other) cluster.Machine.Links.ResetConnections(node.Node, other.Node);
                break;
            case 6:
                cluster.Machine.Links.Spike = 0.2;
                break;
            case 7:
                cluster.Machine.Links.Damage = 0.01;
                break;
            case 8:
                foreach (SimulatedDisk disk in node.Node.Disks.All) disk.Faults.SlowFactor = 30;
                break;
            default:
                Mend();
                break;
        }

        await cluster.PauseAsync(_random.Between(50, 2500));
        if (_random.Chance(0.5)) Mend();
        if (_random.Chance(0.7)) Restart();
    }

    /// <summary>No more of it.</summary>
    public ValueTask EndAsync()
    {
        Mend();
        Restart();
        return cluster.UntilAsync(
            () => cluster.Nodes.TrueForAll(static node => node.IsUp), 30_000, "all nodes are up");
    }

    private void Crash(ClusterNode node)
    {
        if (!MayLose(node)) return;
        CrashMode[] modes = Enum.GetValues<CrashMode>();
        node.Crash(_random.Chance(0.3) ? null : modes[_random.Below(modes.Length)]);
        _down.Add(node);
    }

    private async ValueTask RestartInGoodOrderAsync(ClusterNode node)
    {
        await node.StopAsync();
        _down.Add(node);
    }

    private void Restart()
    {
        foreach (ClusterNode node in _down) node.Start();
        _down.Clear();
    }

    private void Mend()
    {
        cluster.Machine.Links.HealAll();
        cluster.Machine.Links.Spike = 0.001;
        cluster.Machine.Links.Damage = 0;
        foreach (ClusterNode node in cluster.Nodes)
            foreach (SimulatedDisk disk in node.Node.Disks.All)
                disk.Faults.Clear();
    }

    // Another replica of the newest in-sync set has lost nothing, and so has every other one that is up.
    private bool MayLose(ClusterNode node)
    {
        ClusterNode[] others = [.. cluster.Replicas.Where(other => other != node)];
        if (!node.IsUp || others.Any(static other => other is not { IsUp: true, Member.IsClean: true }))
            return false;
        GroupConfiguration newest = cluster.Nodes
            .Where(static any => any.IsUp)
            .Select(static any => any.Member!.Record.Configuration)
            .Aggregate(static (left, right) => right.IsNewerThan(left) ? right : left);
        return others.Any(other => newest.InSync.Contains(other.Name));
    }
}
