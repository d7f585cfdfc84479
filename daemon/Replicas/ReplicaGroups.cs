using System.Text;
using Cstor.Daemon.State;
using Cstor.Daemon.Vocabulary;
using Cstor.Engine.Host;
using Cstor.Engine.Pools;
using Cstor.Engine.Replicas;
using Cstor.Engine.Volumes;
using Cstor.Target;
using Cstor.Target.Replication;
using Microsoft.Extensions.Logging;

namespace Cstor.Daemon.Replicas;

/// <summary>
/// This node's part in all groups: the replicas of its open pools, and the groups that it is the witness of.
/// A replica takes part from when its pool is open until it is closed, whether or not it is served. On the
/// loop.
/// </summary>
internal sealed partial class ReplicaGroups
{
    private const long LookNanoseconds = 100_000_000;
    // A leader that hears no quorum may have been followed by another before long; who follows waits for the
    // next one.
    private const long LeaderOutOfTouchNanoseconds = 800_000_000;
    private const long FollowerOutOfTouchNanoseconds = 3_500_000_000;
    private const string WitnessSuffix = ".witness";

    private readonly ILoop _loop;
    private readonly ILogger _logger;
    private readonly PeerNetwork? _network;
    private readonly string _witnessFolder;
    private readonly Dictionary<Volume, ReplicaGroup> _groups = [];
    private readonly Dictionary<Guid, GroupMember> _witnesses = [];
    private readonly Dictionary<Volume, TargetPort[]> _ports = [];
    private readonly ILoopTimer _timer;

    /// <param name="loop">All of it lives there.</param>
    /// <param name="logger">Told of leaders and peers.</param>
    /// <param name="network">The peers; null for a node that has none.</param>
    /// <param name="witnessFolder">Keeps what the witness must not forget.</param>
    public ReplicaGroups(ILoop loop, ILogger logger, PeerNetwork? network, string witnessFolder)
    {
        _loop = loop;
        _logger = logger;
        _network = network;
        _witnessFolder = witnessFolder;
        _timer = loop.CreateTimer(Look);
        _timer.Start(LookNanoseconds);
    }

    /// <summary>Told when the ports of a group changed, or which is the shortest.</summary>
    public Action<ReplicaGroup> PortsChanged { get; set; } = static _ => { };

    /// <summary>Told when the volume of a group has another size.</summary>
    public Action<ReplicaGroup> SizeChanged { get; set; } = static _ => { };

    /// <summary>Told when properties of the volume of a group were changed by its leader.</summary>
    public Action<ReplicaGroup> PropertiesChanged { get; set; } = static _ => { };

    /// <summary>Told when nobody can be served by this node for now, and when that has ended.</summary>
    public Action<ReplicaGroup> SuspensionChanged { get; set; } = static _ => { };

    public IEnumerable<ReplicaGroup> All => _groups.Values;

    public ReplicaGroup? Find(Volume volume) => _groups.GetValueOrDefault(volume);

    public ReplicaGroup? Find(Guid group) =>
        _groups.Values.FirstOrDefault(known => known.Member.Id == group);

    /// <summary>The volume is one of several replicas, whether or not it takes part.</summary>
    public static bool IsReplica(Pool pool, Volume volume) => pool.ReplicaOf(volume).State.Length > 0;

    /// <summary>What initiators are served: the volume itself, or what stands for all its replicas.</summary>
    public Outcome<IBlockVolume> ServedAs(Pool pool, Volume volume)
    {
        if (!IsReplica(pool, volume)) return Outcome<IBlockVolume>.Ok(volume);
        if (Find(volume) is { } group) return Outcome<IBlockVolume>.Ok(group.Served);
        return _network is null
            ? new Fault(
                "no-peers", $"{volume.Name} has replicas on other nodes, and this daemon has no peers",
                "Start it with --peer and --peer-key-file")
            : new Fault(
                "not-taking-part", $"{volume.Name} does not take part in its group: see the log",
                "Export and import the pool");
    }

    /// <summary>Every replica of a pool takes part, if it does not yet.</summary>
    public async ValueTask OpenAsync(Pool pool)
    {
        foreach (Volume volume in pool.Volumes.ToArray()) await OpenAsync(pool, volume);
    }

    /// <summary>A replica takes part, if it does not yet; a plain volume has no part to take.</summary>
    public async ValueTask<Fault?> OpenAsync(Pool pool, Volume volume)
    {
        if (_network is null || _groups.ContainsKey(volume) || pool.IsReadOnly) return null;
        Replica replica = pool.ReplicaOf(volume);
        string state = replica.State;
        if (state.Length == 0) return null;
        if (GroupRecord.Parse(state) is not { } record) return Failed(volume, $"its record '{state}'");
        if (Find(record.Group) is { } other) return Failed(volume, $"{other.Volume.Name} is its replica too");
        GroupMember member = new(_loop, _logger, _network, record, replica.SaveStateAsync, replica)
        {
            IsShared = PropertyRules.IsShared,
        };
        ReplicaGroup group = new(pool, volume, member);
        member.PropertiesChanged = () => PropertiesChanged(group);
        _groups.Add(volume, group);
        IoStatus started = await member.StartAsync();
        if (started == IoStatus.Ok) return null;
        _groups.Remove(volume);
        return Failed(volume, started.ToString());
    }

    /// <summary>
    /// A replica leads no more, so that nobody whose path through this node is about to end waits for it.
    /// </summary>
    public async ValueTask YieldAsync(Volume volume)
    {
        if (_groups.TryGetValue(volume, out ReplicaGroup? group)) await group.Member.YieldAsync();
    }

    /// <summary>The replicas of a pool lead no more.</summary>
    public Task YieldAsync(Pool pool) => YieldAsync(_groups.Values.Where(group => group.Pool == pool));

    /// <summary>No replica here leads any more.</summary>
    public Task YieldAllAsync() => YieldAsync(_groups.Values);

    /// <summary>The replicas of a pool take part no more.</summary>
    public async ValueTask CloseAsync(Pool pool)
    {
        foreach (ReplicaGroup group in _groups.Values.Where(group => group.Pool == pool).ToArray())
            await CloseAsync(group.Volume);
    }

    /// <summary>A replica takes part no more.</summary>
    public async ValueTask CloseAsync(Volume volume)
    {
        if (!_groups.TryGetValue(volume, out ReplicaGroup? group)) return;
        await group.Member.CloseAsync();
        _groups.Remove(volume);
        _ports.Remove(volume);
    }

    /// <summary>All replicas and witnesses take part no more.</summary>
    public async ValueTask CloseAllAsync()
    {
        _timer.Stop();
        foreach (ReplicaGroup group in _groups.Values.ToArray()) await CloseAsync(group.Volume);
        foreach (GroupMember witness in _witnesses.Values.ToArray()) await witness.CloseAsync();
        _witnesses.Clear();
    }

    /// <summary>Takes part in every group that this node is the witness of.</summary>
    public async ValueTask OpenWitnessesAsync()
    {
        if (_network is null || !Directory.Exists(_witnessFolder)) return;
        foreach (string path in Directory.GetFiles(_witnessFolder, "*" + WitnessSuffix))
        {
            GroupRecord? record = GroupRecord.Parse(File.ReadAllText(path));
            if (record is null) WitnessFailed(path, "it cannot be understood");
            else await StartWitnessAsync(record);
        }
    }

    /// <summary>Votes in a group from now on.</summary>
    public async ValueTask<Fault?> BecomeWitnessAsync(GroupRecord record)
    {
        if (_witnesses.ContainsKey(record.Group)) return null;
        if (SaveWitness(record.Group, record.ToString()) is var saved and not IoStatus.Ok)
            return new Fault("witness", $"the witness's record cannot be kept ({saved})", "See the log");
        return await StartWitnessAsync(record);
    }

    /// <summary>Votes in a group no more.</summary>
    public async ValueTask ForgetWitnessAsync(Guid group)
    {
        if (!_witnesses.Remove(group, out GroupMember? witness)) return;
        await witness.CloseAsync();
        File.Delete(WitnessPath(group));
    }

    /// <summary>The peer is connected.</summary>
    public bool IsUp(string peer) => _network?.IsUp(peer) ?? false;

    public bool IsWitness(Guid group) => _witnesses.ContainsKey(group);

    // At once: each may have to wait for others.
    private static Task YieldAsync(IEnumerable<ReplicaGroup> groups) =>
        Task.WhenAll(groups.Select(static group => group.Member.YieldAsync().AsTask()).ToArray());

    private async ValueTask<Fault?> StartWitnessAsync(GroupRecord record)
    {
        Guid id = record.Group;
        GroupMember witness = new(
            _loop, _logger, _network!, record,
            text => new ValueTask<IoStatus>(SaveWitness(id, text)), replica: null);
        _witnesses.Add(id, witness);
        IoStatus started = await witness.StartAsync();
        if (started == IoStatus.Ok) return null;
        _witnesses.Remove(id);
        return new Fault("witness", $"the witness of {id} does not start ({started})", "See the log");
    }

    // One line, seldom, and short: it may hold up the loop.
    private IoStatus SaveWitness(Guid group, string text)
    {
        try
        {
            Directory.CreateDirectory(_witnessFolder);
            AtomicFile.Write(WitnessPath(group), Encoding.UTF8.GetBytes(text));
            return IoStatus.Ok;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            WitnessFailed(WitnessPath(group), exception.Message);
            return IoStatus.DeviceError;
        }
    }

    private string WitnessPath(Guid group) => Path.Combine(_witnessFolder, group + WitnessSuffix);

    private Fault Failed(Volume volume, string reason)
    {
        NotTakingPart(volume.Name, reason);
        return new Fault(
            "not-taking-part", $"{volume.Name} cannot take part in its group: {reason}", "See the log");
    }

    private void Look()
    {
        _timer.Start(LookNanoseconds);
        foreach (ReplicaGroup group in _groups.Values)
        {
            LookForSuspension(group);
            LookForSize(group);
            TargetPort[] ports = group.Ports;
            if (_ports.TryGetValue(group.Volume, out TargetPort[]? before) && before.SequenceEqual(ports))
                continue;
            _ports[group.Volume] = ports;
            PortsChanged(group);
        }
    }

    private void LookForSize(ReplicaGroup group)
    {
        long size = group.Served.SizeBytes;
        if (size == group.ToldSizeBytes || !group.Served.IsSizeKnown) return;
        Resized(group.Volume.Name, group.ToldSizeBytes, size);
        group.ToldSizeBytes = size;
        SizeChanged(group);
    }

    // Requests that wait here would wait although another node can serve them: its paths must be taken.
    private void LookForSuspension(ReplicaGroup group)
    {
        bool isInTouch = group.Member.IsInTouch;
        if (isInTouch || group.InTouchNanoseconds == 0) group.InTouchNanoseconds = _loop.NowNanoseconds;
        long limit = group.Member.IsServing ? LeaderOutOfTouchNanoseconds : FollowerOutOfTouchNanoseconds;
        bool isSuspended = _loop.NowNanoseconds - group.InTouchNanoseconds > limit;
        if (isSuspended == group.IsSuspended) return;
        group.IsSuspended = isSuspended;
        if (isSuspended) Suspended(group.Volume.Name);
        else Resumed(group.Volume.Name);
        SuspensionChanged(group);
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Volume} is not served here for now: too few of its "
        + "nodes are in touch with this one; initiators are to take other paths, or wait")]
    private partial void Suspended(string volume);

    [LoggerMessage(Level = LogLevel.Information, Message = "{Volume} has {Size} bytes now, had {Before}")]
    private partial void Resized(string volume, long before, long size);

    [LoggerMessage(Level = LogLevel.Information, Message = "{Volume} is served here again")]
    private partial void Resumed(string volume);

    [LoggerMessage(Level = LogLevel.Error, Message = "{Volume} cannot take part in its group: {Reason}")]
    private partial void NotTakingPart(string volume, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "witness {Path}: {Reason}")]
    private partial void WitnessFailed(string path, string reason);
}
