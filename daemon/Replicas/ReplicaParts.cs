using System.Net;
using Cstor.Daemon.Configuration;
using Cstor.Daemon.Service;
using Cstor.Daemon.State;
using Cstor.Engine.Host;
using Cstor.Engine.Host.Linux;
using Cstor.Engine.Pools;
using Cstor.Target.Replication;
using Microsoft.Extensions.Logging;

namespace Cstor.Daemon.Replicas;

/// <summary>What replication is made of in this daemon, put together in the order of its start.</summary>
internal sealed class ReplicaParts
{
    private readonly DaemonOptions _options;
    private readonly LinuxLoop _loop;
    private readonly ILoggerFactory _loggers;
    private readonly PeerFile _file;
    private readonly PeerNetwork? _network;

    private ReplicaParts(
        DaemonOptions options, LinuxLoop loop, ILoggerFactory loggers, PeerFile file, PeerNetwork? network,
        ReplicaGroups groups)
    {
        _options = options;
        _loop = loop;
        _loggers = loggers;
        _file = file;
        _network = network;
        Groups = groups;
        Peers = new PeerService(loop, network, options.Peer, file, loggers.CreateLogger("cstor.replicas"));
    }

    public ReplicaGroups Groups { get; }

    public PeerService Peers { get; }

    /// <summary>Listens for peers, if this node is to have any. Nothing is answered yet.</summary>
    public static async Task<Outcome<ReplicaParts>> OpenAsync(
        DaemonOptions options, LinuxLoop loop, ILoggerFactory loggers)
    {
        Outcome<PeerFile> file = PeerFile.Load(options.StateDirectory);
        if (!file.IsOk) return file.Fault;
        Outcome<PeerNetwork?> network = await ListenAsync(options, loop, loggers);
        if (!network.IsOk) return network.Fault;
        string witnesses = Path.Combine(options.StateDirectory, "witness");
        ReplicaGroups groups = await loop.ReadAsync(() => new ReplicaGroups(
            loop, loggers.CreateLogger("cstor.replicas"), network.Value, witnesses));
        return new ReplicaParts(options, loop, loggers, file.Value, network.Value, groups);
    }

    /// <summary>Reaches for the peers, answers them, and votes where this node is a witness.</summary>
    public async Task<ReplicaService> StartAsync(
        PoolRegistry registry, VolumeTargets targets, PoolStarter starter, VolumeService volumes,
        SnapshotService snapshots)
    {
        GroupAdministration administration = new(_loop, Groups, Peers);
        PeerAnswers answers = new(
            _loop, registry, Groups, targets, starter, administration,
            _loggers.CreateLogger("cstor.replicas"));
        await _loop.CallAsync<Unit>(async () =>
        {
            Groups.PropertiesChanged = group => ServeAgain(group, starter);
            Peers.Start(answers.AnswerAsync);
            await Groups.OpenWitnessesAsync();
            return Unit.Value;
        });
        ReplicaChanges changes = new(
            _loop, registry, Groups, Peers, targets, starter, answers, administration);
        return new ReplicaService(
            _loop, registry, Groups, Peers, volumes, snapshots, changes, administration);
    }

    // What they say of logging in is read off the loop.
    private static void ServeAgain(ReplicaGroup group, PoolStarter starter)
    {
        string pool = group.Pool.Guid.ToString();
        group.Serving = ServeAfterAsync(group.Serving, pool, group.Volume.Status(), starter);
    }

    // One after another: what they were first must not come last.
    private static async Task ServeAfterAsync(
        Task before, string pool, VolumeStatus status, PoolStarter starter)
    {
        await before.ConfigureAwait(
            ConfigureAwaitOptions.ForceYielding | ConfigureAwaitOptions.SuppressThrowing);
        await starter.ServeAsync(pool, status);
    }

    /// <summary>Leads nowhere any more, while it is still served here.</summary>
    public Task YieldAsync() => _loop.CallAsync<Unit>(async () =>
    {
        await Groups.YieldAllAsync();
        return Unit.Value;
    });

    /// <summary>Takes part in nothing any more.</summary>
    public Task CloseAsync() => _loop.CallAsync<Unit>(async () =>
    {
        await Groups.CloseAllAsync();
        _network?.Close();
        return Unit.Value;
    });

    private static async Task<Outcome<PeerNetwork?>> ListenAsync(
        DaemonOptions options, LinuxLoop loop, ILoggerFactory loggers)
    {
        if (options.Peer is not { } endPoint) return Outcome<PeerNetwork?>.Ok(null);
        Outcome<byte[]> key = PeerKey.Read(options.PeerKeyFile);
        if (!key.IsOk) return key.Fault;
        PeerNetwork network = await loop.ReadAsync(() => new PeerNetwork(
            loop, loggers.CreateLogger("cstor.peers"), options.NodeName, key.Value,
            new ReplicationTimings())
        {
            IsEncrypting = options.IsPeerEncrypting,
        });
        Outcome<IPEndPoint> listening = await Predecessor.OutlastAsync(
            "address-in-use",
            () => loop.CallAsync(() => ValueTask.FromResult(network.Listen(endPoint))));
        return listening.IsOk ? network : listening.Fault;
    }
}
