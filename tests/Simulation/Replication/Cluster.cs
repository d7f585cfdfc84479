// Several nodes with a pool and a replica each, perhaps a witness, and clients that read and write the volume
// wherever it is led. The whole of it runs on one virtual clock.
using Cstor.Engine.Host;
using Cstor.Engine.Replicas;
using Cstor.Engine.Versions;
using Cstor.PoolLayout;
using Cstor.Target.Replication;
using Cstor.Tests.Simulation.Oracle;
using Cstor.Tests.Simulation.Pools;

namespace Cstor.Tests.Simulation.Replication;

internal sealed class Cluster : IDisposable
{
    public const int BlockBytes = 4096;
    private const long Millisecond = 1_000_000;

    public Cluster(
        ulong seed, int replicas, bool hasWitness = false, long volumeBytes = 8L << 20,
        long diskBytes = 96L << 20, int spares = 0, bool hasSpareWitness = false)
    {
        DiskBytes = diskBytes;
        Machine = new SimulatedMachine(seed) { MaximumEvents = 60_000_000 };
        Random = SimulatedRandom.For(seed, "cluster");
        VolumeBytes = volumeBytes;
        string[] names = [.. Enumerable.Range(1, replicas).Select(static i => $"node{i}")];
        ReplicaPlace[] places =
            [.. names.Select(static (name, index) => new ReplicaPlace(name, "tank", (ushort)(index + 1)))];
        FirstRecord = new GroupRecord(GroupId, 0, false,
            new GroupConfiguration(0, 1, places, hasWitness ? "witness" : "", names));
        foreach (string name in names) Nodes.Add(new ClusterNode(this, name, isWitness: false));
        if (hasWitness) Nodes.Add(new ClusterNode(this, "witness", isWitness: true));
        foreach (ClusterNode node in Nodes) node.IsActive = true;
        for (int i = 1; i <= spares; i++)
            Nodes.Add(new ClusterNode(this, $"spare{i}", isWitness: false));
        if (hasSpareWitness) Nodes.Add(new ClusterNode(this, "other", isWitness: true));
        Loop = Machine.AddNode("operator").CreateLoop();
    }

    public SimulatedMachine Machine { get; }

    public SimulatedRandom Random { get; }

    public List<ClusterNode> Nodes { get; } = [];

    /// <summary>Nodes with a replica that belongs to the group, or may.</summary>
    public IEnumerable<ClusterNode> Replicas => Active.Where(static node => !node.IsWitness);

    /// <summary>Nodes that belong to the group, or may.</summary>
    public IEnumerable<ClusterNode> Active => Nodes.Where(static node => node.IsActive);

    /// <summary>Nodes that have no replica.</summary>
    public IEnumerable<ClusterNode> Spares =>
        Nodes.Where(static node => node is { IsActive: false, IsWitness: false });

    public RunLog Log { get; } = new();

    public Guid GroupId { get; } = new("6a3f8b52-0000-4000-8000-000000000001");

    public byte[] Key { get; } = [.. Enumerable.Range(0, 32).Select(static i => (byte)i)];

    public ReplicationTimings Timings { get; } = new();

    public GroupRecord FirstRecord { get; }

    public long VolumeBytes { get; }

    public long DiskBytes { get; }

    public PlantedFault PlantedFault { get; init; }

    /// <summary>Where the scenario itself runs.</summary>
    public SimulatedLoop Loop { get; }

    public void Run(Func<ValueTask> scenario)
    {
        try
        {
            Loop.Run(scenario);
        }
        catch (SimulationException failure)
        {
            throw new SimulationException($"{failure.Message}\n--- log\n{Log}", failure);
        }
    }

    public async ValueTask StartAsync()
    {
        foreach (ClusterNode node in Active) node.Start();
        await UntilAsync(() => Active.All(static node => node.IsUp), 20_000, "the nodes are up");
    }

    /// <summary>The replica that serves now.</summary>
    public ClusterNode? Leader => Nodes.Find(static node => node.IsUp && node.Member!.IsServing);

    public async ValueTask<ClusterNode> AwaitLeaderAsync(long milliseconds = 10_000)
    {
        await UntilAsync(() => Leader is not null, milliseconds, "somebody leads");
        return Leader!;
    }

    /// <summary>Waits until a leader serves and its in-sync set is so large.</summary>
    public ValueTask AwaitInSyncAsync(int count, long milliseconds = 60_000) => UntilAsync(
        () => Leader?.Member?.Leader?.Configuration.InSync.Count == count, milliseconds,
        $"{count} are in sync");

    /// <summary>Waits until a leader serves, and all replicas of the group vote and are in sync.</summary>
    public ValueTask AwaitWholeAsync(long milliseconds = 60_000) => UntilAsync(
        () => Leader?.Member?.Leader is { IsSettled: true, Configuration: { } configuration }
            && configuration.InSync.Count == configuration.Places.Count,
        milliseconds, "all are in sync");

    /// <summary>A fresh replica on a node joins the group; completes when the leader has said how.</summary>
    public async ValueTask<Fault?> AddAsync(ClusterNode leader, ClusterNode node)
    {
        ReplicaPlace place = new(node.Name, "tank", (ushort)(Nodes.IndexOf(node) + 1));
        GroupConfiguration known = leader.Member!.Record.Configuration;
        await node.PrepareAsync(new GroupRecord(GroupId, 0, false, known.ForJoining(place)));
        return await AskAsync(leader, member => member.AddReplicaAsync(place));
    }

    public Task<Fault?> RemoveAsync(ClusterNode leader, ClusterNode node) =>
        AskAsync(leader, member => member.RemoveReplicaAsync(node.Name));

    /// <summary>A node that has not voted so far becomes the witness.</summary>
    public async ValueTask<Fault?> AddWitnessAsync(ClusterNode leader, ClusterNode node)
    {
        GroupConfiguration known = leader.Member!.Record.Configuration;
        await node.PrepareAsync(new GroupRecord(GroupId, 0, false, known.ForWitness(node.Name)));
        return await SetWitnessAsync(leader, node.Name);
    }

    public Task<Fault?> SetWitnessAsync(ClusterNode leader, string node) =>
        AskAsync(leader, member => member.SetWitnessAsync(node));

    public Task<Fault?> HandOverAsync(ClusterNode leader, ClusterNode node) =>
        AskAsync(leader, member => member.HandOverAsync(node.Name));

    private Task<Fault?> AskAsync(ClusterNode node, Func<GroupMember, ValueTask<Fault?>> question) =>
        node is { IsUp: true, Member: { } member }
            ? OnAsync(node.Loop!, () => question(member))
            : Task.FromResult<Fault?>(new Fault("down", $"{node.Name} is down"));

    public async ValueTask UntilAsync(Func<bool> isSo, long milliseconds, string what)
    {
        long until = Machine.NowNanoseconds + (milliseconds * Millisecond);
        while (!isSo())
        {
            if (Machine.NowNanoseconds > until)
                throw new OracleException(
                    $"after {milliseconds} ms it is still not so that {what}:\n  {Describe()}");
            await Loop.DelayAsync(10 * Millisecond);
        }
    }

    private string Describe() => string.Join("\n  ", Nodes.Select(static node => node.Member is { } member
        ? $"{node.Name}: {member.Describe()}, pool {node.Pool?.Status().Health} {node.Pool?.Status().Reason}"
        : $"{node.Name}: down"));

    public ValueTask PauseAsync(long milliseconds) => Loop.DelayAsync(milliseconds * Millisecond);

    /// <summary>The hash of what each replica holds; they must be equal when nothing is under way.</summary>
    public async ValueTask AssertEqualAsync()
    {
        Hash128? expected = null;
        foreach (ClusterNode node in Replicas)
        {
            (IoStatus status, Hash128 hash) = await OnAsync(node.Loop!, async () =>
            {
                // What it has may not be visible yet.
                await node.Member!.Applier!.DrainAsync();
                (IoStatus opened, ContentView? view) = await node.Replica!.ViewAsync();
                if (opened != IoStatus.Ok) return (opened, default);
                (IoStatus, Hash128) root = await view!.RootHashAsync();
                view.Close();
                return root;
            });
            if (status != IoStatus.Ok) throw new OracleException($"{node.Name} cannot be hashed: {status}");
            long size = node.Replica!.Volume.SizeBytes;
            if (size != Replicas.First().Replica!.Volume.SizeBytes)
                throw new OracleException($"{node.Name} has another size: {size}");
            string properties = string.Join(' ', node.Member!.Properties.Current);
            if (properties != string.Join(' ', Replicas.First().Member!.Properties.Current))
                throw new OracleException($"{node.Name} has other properties: {properties}");
            string reserved = node.Replica!.Volume.Reservations;
            if (reserved != Replicas.First().Replica!.Volume.Reservations)
                throw new OracleException($"on {node.Name} something else is reserved: {reserved}");
            expected ??= hash;
            if (hash != expected) throw new OracleException($"{node.Name} differs from others");
        }
    }

    /// <summary>Snapshots that several replicas have hold the same on each.</summary>
    public async ValueTask AssertSnapshotsAsync()
    {
        Dictionary<Guid, Hash128> found = [];
        foreach (ClusterNode node in Replicas)
        {
            foreach (Snapshot snapshot in node.Replica!.Snapshots)
            {
                (IoStatus status, Hash128 hash) = await OnAsync(
                    node.Loop!, () => node.Replica.SnapshotHashAsync(snapshot.ShortName));
                if (status != IoStatus.Ok)
                    throw new OracleException($"{snapshot.Name} of {node.Name} cannot be hashed: {status}");
                if (found.GetValueOrDefault(snapshot.Id, hash) != hash)
                    throw new OracleException($"{snapshot.Name} of {node.Name} differs from others");
                found[snapshot.Id] = hash;
            }
        }
    }

    /// <summary>Carries something out on another loop; never completes if that dies meanwhile.</summary>
    public Task<T> OnAsync<T>(SimulatedLoop loop, Func<ValueTask<T>> work, SimulatedLoop? caller = null)
    {
        TaskCompletionSource<T> done = new();
        SimulatedLoop back = caller ?? Loop;
        loop.Post(() => _ = ObserveAsync(RunAsync()));
        return done.Task;

        async ValueTask RunAsync()
        {
            T result = await work();
            back.Post(() => done.TrySetResult(result));
        }
    }

    /// <summary>What fails where nobody awaits it ends the run.</summary>
    public async Task ObserveAsync(ValueTask work)
    {
        try
        {
            await work;
        }
        catch (Exception failure)
        {
            Machine.ReportFailure(failure);
            throw;
        }
    }

    public void Dispose() => Machine.Dispose();
}
