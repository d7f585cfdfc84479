using System.Net;
using Cstor.Engine.Host;
using Cstor.Engine.Pools;
using Cstor.Engine.Replicas;
using Cstor.Engine.Vdevs;
using Cstor.Engine.Volumes;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Labels;
using Cstor.Target.Replication;

namespace Cstor.Tests.Simulation.Replication;

/// <summary>A node of the cluster through all its lives: with a pool and a replica, or the witness.</summary>
internal sealed class ClusterNode
{
    private const int Port = 3270;
    private const string PoolName = "tank";
    private const string VolumeName = "v";

    private readonly Cluster _cluster;
    private readonly bool _isWitness;
    private GroupRecord _firstRecord;
    private string _witnessRecord;
    private ulong _saves;
    private PoolRegistry? _registry;
    private bool _isCreated;

    public ClusterNode(Cluster cluster, string name, bool isWitness)
    {
        _cluster = cluster;
        _isWitness = isWitness;
        _firstRecord = cluster.FirstRecord;
        _witnessRecord = cluster.FirstRecord.ToString();
        Node = cluster.Machine.AddNode(name);
        if (!isWitness) Node.Disks.Add("/dev/a", cluster.DiskBytes);
    }

    public SimulatedNode Node { get; }

    public string Name => Node.Name;

    public bool IsWitness => _isWitness;

    /// <summary>It belongs to the group, or may: it has a pool and a record.</summary>
    public bool IsActive { get; set; }

    public SimulatedLoop? Loop { get; private set; }

    public GroupMember? Member { get; private set; }

    public Replica? Replica { get; private set; }

    public ReplicatedVolume? Volume { get; private set; }

    public Pool? Pool { get; private set; }

    /// <summary>It takes part.</summary>
    public bool IsUp => Member is not null && Node.IsUp;

    public IPEndPoint EndPoint => new(Node.Address, Port);

    private PeerNetwork? Network { get; set; }

    /// <summary>Boots; <see cref="IsUp"/> tells when it is done.</summary>
    public void Start()
    {
        SimulatedLoop loop = Loop = Node.CreateLoop();
        loop.Post(() => _ = _cluster.ObserveAsync(StartAsync(loop)));
    }

    /// <summary>Starts as one that is about to join: with an empty replica on an empty disk.</summary>
    public ValueTask PrepareAsync(GroupRecord record)
    {
        Check.That(!IsActive && !Node.IsUp);
        if (!_isWitness)
        {
            Node.Disks.Remove("/dev/a");
            Node.Disks.Add("/dev/a", _cluster.DiskBytes);
        }

        _firstRecord = record;
        _witnessRecord = record.ToString();
        _isCreated = false;
        IsActive = true;
        Start();
        return _cluster.UntilAsync(() => IsUp, 20_000, $"{Name} is up");
    }

    /// <summary>Belongs to the group no more: what it had is gone.</summary>
    public void Retire()
    {
        if (Node.IsUp) Crash(null);
        IsActive = false;
    }

    public void Crash(CrashMode? mode)
    {
        Member = null;
        Volume = null;
        if (mode is { } how) Node.Crash(how);
        else Node.Kill();
    }

    /// <summary>Ends in good order, and then the process.</summary>
    public async ValueTask StopAsync()
    {
        GroupMember? member = Member;
        if (member is null) return;
        Member = null;
        Volume = null;
        SimulatedLoop loop = Loop!;
        await _cluster.OnAsync(loop, async () =>
        {
            await member.CloseAsync();
            Network!.Close();
            if (_registry is not null) await _registry.CloseAllAsync();
            return true;
        });
        if (!loop.IsDead) Node.Kill();
    }

    private async ValueTask StartAsync(SimulatedLoop loop)
    {
        Replica? replica = _isWitness ? null : await OpenAsync(loop);
        PeerNetwork network = new(loop, _cluster.Log, Name, _cluster.Key, _cluster.Timings)
        {
            IsEncrypting = _cluster.Machine.Seed % 4 == 0,
        };
        if (network.Listen(EndPoint).Fault is { } fault) throw new SimulationException(fault.ToString());
        string text = replica is null ? _witnessRecord : replica.State;
        GroupRecord record = GroupRecord.Parse(text) ?? throw new SimulationException($"record '{text}'");
        GroupMember member = new(loop, _cluster.Log, network, record,
            replica is null ? state => SaveAsync(loop, state) : replica.SaveStateAsync, replica)
        {
            PlantedFault = _cluster.PlantedFault,
            IsShared = static name => name is "sync" or "share",
        };
        IoStatus status = await member.StartAsync();
        if (status != IoStatus.Ok) throw new SimulationException($"{Name} does not start: {status}");
        foreach (ClusterNode other in _cluster.Nodes)
            if (other != this)
                network.AddPeer(other.Name, other.EndPoint);
        Network = network;
        Replica = replica;
        Volume = replica is null ? null : new ReplicatedVolume(member, replica.Volume);
        Member = member;
    }

    private async ValueTask<Replica> OpenAsync(SimulatedLoop loop)
    {
        PoolOptions options = new() { CacheBytes = 2L << 20 };
        PoolRegistry registry = _registry = new(loop, _cluster.Log, options);
        if (!_isCreated)
        {
            Pool = (await registry.CreateAsync(
                PoolName, [new VdevSpec(VdevKind.Disk, ["/dev/a"])], force: true)).Value;
            // Replicas need not be stored alike.
            string compression = _cluster.Nodes.IndexOf(this) == 1 ? "lz4" : "off";
            Volume made = (await Pool.CreateVolumeAsync(
                VolumeName, _cluster.VolumeBytes, Cluster.BlockBytes,
                [new("compression", compression)])).Value;
            Replica first = Pool.ReplicaOf(made);
            await first.SaveStateAsync(_firstRecord.ToString());
            _isCreated = true;
            return first;
        }

        Outcome<ImportScan> scan = await registry.ScanAsync([]);
        ImportCandidate candidate = scan.Value.Pools.Single();
        Outcome<Pool> pool = await registry.ImportAsync(candidate, readOnly: false, force: false);
        Pool = pool.IsOk ? pool.Value : throw new SimulationException($"{Name}: {pool.Fault}");
        return Pool.ReplicaOf(Pool.FindVolume(VolumeName)!);
    }

    // A witness keeps a line of text: written aside, flushed, and put in place of the old one.
    private async ValueTask<IoStatus> SaveAsync(SimulatedLoop loop, string state)
    {
        ulong number = ++_saves;
        await loop.DelayAsync(200_000);
        if (loop.IsDead) return IoStatus.Closed;
        if (number == _saves) _witnessRecord = state;
        else await loop.DelayAsync(400_000);
        return IoStatus.Ok;
    }
}
