using System.Runtime.InteropServices;
using Cstor.Engine.Host;
using Cstor.Target.Replication;

namespace Cstor.Tests.Simulation.Replication;

/// <summary>
/// Brings misfortune on a cluster, within what it must survive: of the replicas that hold what was
/// acknowledged, one at least keeps its memory. And operators, who change it meanwhile.
/// </summary>
internal sealed class Nemesis(Cluster cluster)
{
    private readonly SimulatedRandom _random = SimulatedRandom.For(cluster.Machine.Seed, "nemesis");
    private readonly List<ClusterNode> _down = [];
    private readonly int _fewest = cluster.Replicas.Count();
    private readonly ClusterNode? _victim = VictimOf(cluster);
    private bool _isReplacing;
    private bool _hasRotted;

    /// <summary>Something happens, and some time passes.</summary>
    public async ValueTask StrikeAsync()
    {
        ClusterNode[] active = [.. cluster.Active];
        ClusterNode node = active[_random.Below(active.Length)];
        ClusterNode other = active[_random.Below(active.Length)];
        switch (_random.Below(16))
        {
            case 0 or 1:
                Crash(node);
                break;
            case 2:
                if (MayLose(node)) await RestartInGoodOrderAsync(node);
                break;
            case 3:
                Isolate([node], active);
                break;
            case 4:
                // Whoever hears both still may promise neither of them what the other one has.
                if (node != other) CutBetween(node, other);
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
            case 9:
                if (node != other) Isolate([node, other], active);
                break;
            case 10:
                Ask(leader => cluster.HandOverAsync(leader, node));
                break;
            case 11:
                Ask(AddAsync);
                break;
            case 12:
                Ask(leader => RemoveAsync(leader, node));
                break;
            case 13:
                ReplaceDead(node);
                break;
            case 14:
                if (_victim is not null) Rot(_victim);
                break;
            default:
                Mend();
                break;
        }

        await cluster.PauseAsync(_random.Between(50, 2500));
        if (_random.Chance(0.5)) Mend();
        if (_random.Chance(0.7)) Restart();
    }

    /// <summary>The witness is taken out, or taken in again.</summary>
    public void ChangeWitness() => Ask(ChangeWitnessAsync);

    /// <summary>No more of it: whoever belongs to the group is up, and who does not knows it.</summary>
    public async ValueTask EndAsync()
    {
        Mend();
        await cluster.UntilAsync(() => !_isReplacing, 20_000, "nobody is being replaced");
        Restart();
        await cluster.UntilAsync(
            () => cluster.Active.All(static node => node.IsUp), 30_000, "all nodes are up");
        await cluster.AwaitWholeAsync();
        // Whoever was asked to join may have joined just now.
        await cluster.PauseAsync(500);
        await cluster.AwaitWholeAsync();
        GroupConfiguration current = cluster.Leader!.Member!.Leader!.Configuration;
        foreach (ClusterNode node in cluster.Replicas.ToArray())
        {
            if (current.Has(node.Name)) continue;
            // Whoever was never taken in does not know what to wait for.
            await cluster.UntilAsync(
                () => node.Member!.IsRemoved || node.Member.Record.Configuration.Version == 0, 30_000,
                $"{node.Name} knows that it belongs to the group no more");
            node.Retire();
        }
    }

    // One replica's disk at most, where others are sure to have what it had.
    private static ClusterNode? VictimOf(Cluster cluster) =>
        cluster.Nodes.Exists(static node => node.IsWitness) || cluster.Machine.Seed % 2 == 0
            ? null
            : cluster.Replicas.ElementAt((int)(cluster.Machine.Seed / 2 % 3));

    // Sectors with the data of clients. Promises and positions in the log must be durable: so it keeps its
    // log from now on, by not being killed.
    private void Rot(ClusterNode node)
    {
        if (!node.IsUp) return;
        _hasRotted = true;
        SimulatedDisk disk = node.Node.Disks["/dev/a"];
        foreach (long offset in disk.WrittenOffsets())
        {
            ReadOnlySpan<ulong> words = MemoryMarshal.Cast<byte, ulong>(disk.Peek(offset));
            if (words[0] != 0 && !words.ContainsAnyExcept(words[0]) && _random.Chance(0.3))
                disk.Rot(offset);
        }
    }

    private void Isolate(ClusterNode[] some, ClusterNode[] all)
    {
        foreach (ClusterNode node in some)
            foreach (ClusterNode peer in all)
                if (!some.Contains(peer))
                    cluster.Machine.Links.CutBoth(node.Node, peer.Node);
    }

    private void CutBetween(ClusterNode node, ClusterNode other)
    {
        if (_random.Chance(0.5)) cluster.Machine.Links.CutBoth(node.Node, other.Node);
        else cluster.Machine.Links.Cut(node.Node, other.Node);
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

    // Nobody waits for the answer: the leader may never give one.
    private void Ask(Func<ClusterNode, Task> request)
    {
        if (cluster.Leader is { } leader) _ = cluster.ObserveAsync(new ValueTask(request(leader)));
    }

    private async Task AddAsync(ClusterNode leader)
    {
        ClusterNode[] spares = [.. cluster.Spares];
        if (spares.Length == 0) return;
        await cluster.AddAsync(leader, spares[_random.Below(spares.Length)]);
    }

    private async Task ChangeWitnessAsync(ClusterNode leader)
    {
        if (cluster.Active.FirstOrDefault(static node => node.IsWitness) is not { } witness) return;
        bool isIn = leader.Member!.Leader!.Configuration.Witness.Length > 0;
        await cluster.SetWitnessAsync(leader, isIn ? "" : witness.Name);
    }

    private async Task RemoveAsync(ClusterNode leader, ClusterNode node)
    {
        if (leader.Member!.Leader!.Configuration.Replicas.Count <= _fewest || node.IsWitness) return;
        await RemoveAndRetireAsync(leader, node);
    }

    // Sometimes it is thrown away before it has learned that it was removed.
    private async Task<bool> RemoveAndRetireAsync(ClusterNode leader, ClusterNode node)
    {
        Fault? fault = await cluster.RemoveAsync(leader, node);
        if (fault is not null) return false;
        if (_random.Chance(0.5) && node.IsUp) node.Retire();
        return true;
    }

    // A node is lost, and another one takes its place.
    private void ReplaceDead(ClusterNode node)
    {
        if (_isReplacing || node.IsWitness || !node.IsUp || !cluster.Spares.Any() || !MayLose(node)) return;
        _isReplacing = true;
        node.Crash(CrashMode.DropUnflushed);
        _ = cluster.ObserveAsync(ReplaceAsync());

        async ValueTask ReplaceAsync()
        {
            const long Patience = 8_000_000_000;
            long until = cluster.Machine.NowNanoseconds + Patience;
            Task<Fault?>? removed = null;
            while (cluster.Machine.NowNanoseconds < until && removed is not { IsCompleted: true })
            {
                if (removed is null && cluster.Leader is { } leader)
                    removed = cluster.RemoveAsync(leader, node);
                await cluster.PauseAsync(20);
            }

            if (removed is { IsCompleted: true } && await removed is null)
            {
                node.Retire();
                Ask(AddAsync);
            }
            else
            {
                _down.Add(node);
            }

            _isReplacing = false;
        }
    }

    // Another replica of the newest in-sync set has lost nothing, and so has every other one that is up.
    private bool MayLose(ClusterNode node)
    {
        ClusterNode[] others = [.. cluster.Replicas.Where(other => other != node)];
        if (_hasRotted && node == _victim) return false;
        if (!node.IsUp || others.Any(static other => other is not { IsUp: true, Member.IsClean: true }))
            return false;
        GroupConfiguration newest = cluster.Nodes
            .Where(static any => any.IsUp)
            .Select(static any => any.Member!.Record.Configuration)
            .Aggregate(static (left, right) => right.IsNewerThan(left) ? right : left);
        return others.Any(other => newest.InSync.Contains(other.Name));
    }
}
