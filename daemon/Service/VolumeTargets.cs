using Cstor.Daemon.Replicas;
using Cstor.Daemon.Vocabulary;
using Cstor.Engine.Host;
using Cstor.Engine.Pools;
using Cstor.Engine.Volumes;
using Cstor.Target;
using Microsoft.Extensions.Logging;

namespace Cstor.Daemon.Service;

/// <summary>
/// Every volume is a target: keeps the two in step. Lives on the loop. What cannot be served, for want of its
/// secret, is remembered with the reason.
/// </summary>
internal sealed partial class VolumeTargets
{
    private readonly TargetServer _server;
    private readonly ReplicaGroups _groups;
    private readonly ILogger _logger;
    private readonly Dictionary<string, TargetDefinition> _served = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Fault> _problems = new(StringComparer.Ordinal);

    public VolumeTargets(TargetServer server, ReplicaGroups groups, ILogger logger)
    {
        _server = server;
        _groups = groups;
        _logger = logger;
        groups.PortsChanged = group => _server.SetPorts(
            Names.Target(group.Pool.Name, group.Volume.ShortName), group.Port, group.Ports);
        groups.SizeChanged = group => CapacityChanged(group.Pool, group.Volume.ShortName);
        groups.SuspensionChanged = group => _server.Suspend(
            Names.Target(group.Pool.Name, group.Volume.ShortName), group.IsSuspended);
    }

    /// <summary>
    /// Serves a volume as its properties say; a volume served before gets the new rules, and sessions that
    /// they allow go on.
    /// </summary>
    public async ValueTask<Outcome<Unit>> ServeAsync(Pool pool, Volume volume, Outcome<ChapSettings?> chap)
    {
        string iqn = Names.Target(pool.Name, volume.ShortName);
        if (!chap.IsOk)
        {
            await RemoveAsync(iqn);
            _problems[iqn] = chap.Fault;
            NotServed(volume.Name, chap.Fault.ToString());
            return chap.Fault;
        }
        if (volume.IsReceiving)
        {
            await RemoveAsync(iqn);
            _problems[iqn] = new Fault(
                "volume-receiving", "a stream into it has not come to its end",
                "Send the rest, or give it up with: cstor volume receive --abort");
            return Unit.Value;
        }
        Outcome<IBlockVolume> served = _groups.ServedAs(pool, volume);
        if (!served.IsOk)
        {
            await RemoveAsync(iqn);
            _problems[iqn] = served.Fault;
            NotServed(volume.Name, served.Fault.ToString());
            return served.Fault;
        }
        IReadOnlyList<KeyValuePair<string, string>> properties = volume.Status().Properties;
        TargetDefinition definition = new(
            iqn, served.Value, chap.Value, Initiators(volume), Redirection: RedirectionOf(volume),
            Limits: LimitRules.Of(properties), SharedPool: pool.Name,
            SharedDevices: Math.Max(1, pool.DevicePaths.Count), Share: LimitRules.WeightOf(properties));
        if (_served.TryGetValue(iqn, out TargetDefinition? before) && IsSame(before, definition))
        {
            return Unit.Value;
        }
        bool isNew = before is null || !ReferenceEquals(before.Volume, definition.Volume);
        if (isNew) await RemoveAsync(iqn);
        Outcome<Unit> added = isNew ? _server.AddTarget(definition) : _server.Reconfigure(definition);
        if (added.IsOk)
        {
            _served[iqn] = definition;
            if (_groups.Find(volume) is { } group)
            {
                _groups.PortsChanged(group);
                _groups.SuspensionChanged(group);
            }
            Served(volume.Name, iqn);
            return added;
        }
        _problems[iqn] = added.Fault;
        NotServed(volume.Name, added.Fault.ToString());
        return added;
    }

    /// <summary>Serves something that is in no pool.</summary>
    public Outcome<Unit> Serve(string name, IBlockVolume volume) =>
        _server.AddTarget(new TargetDefinition(Names.Target(name), volume));

    /// <summary>Takes a volume's target away; completes when its commands have ended.</summary>
    public ValueTask RemoveAsync(Pool pool, string volume) => RemoveAsync(Names.Target(pool.Name, volume));

    /// <summary>Takes all targets of a pool away.</summary>
    public async ValueTask RemoveAllAsync(Pool pool)
    {
        foreach (Volume volume in pool.Volumes.ToArray()) await RemoveAsync(pool, volume.ShortName);
    }

    public void CapacityChanged(Pool pool, string volume) =>
        _server.CapacityChanged(Names.Target(pool.Name, volume));

    /// <summary>Why a volume is not served, or null.</summary>
    public Fault? ProblemOf(string iqn) => _problems.GetValueOrDefault(iqn);

    public IReadOnlyList<TargetStatus> List() => _server.List();

    /// <summary>The rules of a target that serves a volume of a pool.</summary>
    public TargetDefinition? DefinitionOf(string iqn) => _served.GetValueOrDefault(iqn);

    /// <summary>Who is logged in.</summary>
    public IReadOnlyList<SessionStatus> SessionsOf(string iqn) => _server.Find(iqn)?.Sessions ?? [];

    /// <summary>Says who uses a volume, if anyone does.</summary>
    public Fault? FindUse(Pool pool, Volume volume)
    {
        IReadOnlyList<SessionStatus> sessions = SessionsOf(Names.Target(pool.Name, volume.ShortName));
        if (sessions.Count == 0) return null;
        string users = string.Join(", ", sessions.Select(session => session.InitiatorName).Distinct());
        return new Fault(
            "volume-busy", $"{volume.Name} is in use by {users}", "Log out there first, or insist with -f");
    }

    private async ValueTask RemoveAsync(string iqn)
    {
        _problems.Remove(iqn);
        if (!_served.Remove(iqn)) return;
        await _server.RemoveTarget(iqn);
        Removed(iqn);
    }

    private static string[] Initiators(Volume volume) =>
        PropertyRules.SplitInitiators(PropertyOf(volume, PropertyRules.Initiators));

    private static Redirection? RedirectionOf(Volume volume) =>
        RedirectionText.Parse(PropertyOf(volume, PropertyRules.Redirect));

    private static string PropertyOf(Volume volume, string wanted)
    {
        foreach ((string name, string value) in volume.Status().Properties)
        {
            if (name == wanted) return value;
        }
        return "";
    }

    private static bool IsSame(TargetDefinition first, TargetDefinition second) =>
        ReferenceEquals(first.Volume, second.Volume)
        && first.Chap == second.Chap
        && first.Redirection == second.Redirection
        && first.Limits == second.Limits
        && first.Share == second.Share
        && (first.AllowedInitiators ?? []).SequenceEqual(second.AllowedInitiators ?? []);

    [LoggerMessage(Level = LogLevel.Information, Message = "{Volume} is served as {Target}")]
    private partial void Served(string volume, string target);

    [LoggerMessage(Level = LogLevel.Error, Message = "{Volume} is not served: {Reason}")]
    private partial void NotServed(string volume, string reason);

    [LoggerMessage(Level = LogLevel.Information, Message = "{Target} is not served any more")]
    private partial void Removed(string target);
}
