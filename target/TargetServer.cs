using System.Globalization;
using System.Net;
using Cstor.Engine.Host;
using Cstor.Target.Iscsi;
using Cstor.Target.Scsi;
using Microsoft.Extensions.Logging;

namespace Cstor.Target;

/// <summary>
/// The iSCSI target: portals, targets with one logical unit each, and the sessions of initiators. Lives on
/// one loop; every member is called there.
/// </summary>
public sealed class TargetServer : ILoginDirectory
{
    private const int MaximumNameLength = 223;

    private readonly ILoop _loop;
    private readonly ILogger _logger;
    private readonly Dictionary<string, TargetNode> _targets = new(StringComparer.Ordinal);
    private readonly HashSet<IscsiConnection> _connections = [];
    private readonly List<IListener> _listeners = [];
    private ushort _lastTsih;
    private bool _closing;

    public TargetServer(ILoop loop, ILogger logger, TargetOptions options)
    {
        _loop = loop;
        _logger = logger;
        Options = options;
        Budget = new BufferBudget(loop, options.BufferLimitBytes);
    }

    public TargetOptions Options { get; }

    internal BufferBudget Budget { get; }

    internal TaskPool Tasks { get; } = new();

    /// <summary>Connections open now, in login or in full-feature phase.</summary>
    public int ConnectionCount => _connections.Count;

    /// <summary>Listens on one more portal. Fault: the address is in use or not ours.</summary>
    /// <returns>The portal, with the port that was chosen where 0 was asked for.</returns>
    public Outcome<IPEndPoint> Listen(IPEndPoint portal)
    {
        Outcome<IListener> listener = _loop.Network.Listen(portal);
        if (!listener.IsOk) return listener.Fault;
        _listeners.Add(listener.Value);
        TargetLog.Listening(_logger, listener.Value.LocalEndPoint.ToString());
        Forward(AcceptAllAsync(listener.Value));
        return listener.Value.LocalEndPoint;
    }

    /// <summary>
    /// Offers a volume. Fault: "target-name" or "target-exists", "target-block-size", "target-chap".
    /// </summary>
    public Outcome<Unit> AddTarget(TargetDefinition definition)
    {
        string iqn = definition.Iqn.ToLowerInvariant();
        int blockBytes = definition.LogicalBlockBytes ?? Options.LogicalBlockBytes;
        if (iqn.Length is 0 or > MaximumNameLength || !(iqn.StartsWith("iqn.", StringComparison.Ordinal) ||
            iqn.StartsWith("eui.", StringComparison.Ordinal) ||
                iqn.StartsWith("naa.", StringComparison.Ordinal)))
            return new Fault("target-name", $"{definition.Iqn}: not an iSCSI name",
                "Use iqn.YYYY-MM.domain:name");
        if (_targets.ContainsKey(iqn)) return new Fault("target-exists", $"{iqn}: is already offered");
        if (blockBytes is not (512 or 4096) || definition.Volume.SizeBytes < blockBytes)
            return new Fault("target-block-size", $"{iqn}: cannot have logical blocks of {blockBytes} bytes");
        if (definition.Chap is { } chap &&
            (chap.Secret.Length is < 12 or > 64 || chap.Secret == chap.MutualSecret))
            return new Fault("target-chap",
                $"{iqn}: CHAP secrets are 12 to 64 characters and differ each way");
        var node = new TargetNode(definition, iqn, blockBytes);
        _targets.Add(iqn, node);
        return Unit.Value;
    }

    /// <summary>
    /// Takes a target away: closes its sessions and completes when their commands have ended.
    /// </summary>
    public async ValueTask RemoveTarget(string iqn)
    {
        if (!_targets.TryGetValue(iqn.ToLowerInvariant(), out TargetNode? target)) return;
        target.IsLeaving = true;
        _targets.Remove(target.Iqn);
        IscsiSession[] sessions = target.Sessions.ToArray();
        foreach (IscsiSession session in sessions) session.Setup.Connection.Close("the target was removed");
        foreach (IscsiSession session in sessions) await session.Setup.Connection.Ended;
    }

    /// <summary>The volume's size changed: every initiator is told by a unit attention.</summary>
    public void CapacityChanged(string iqn)
    {
        if (_targets.TryGetValue(iqn.ToLowerInvariant(), out TargetNode? target))
            target.Unit.AttendAll(Sense.CapacityChanged);
    }

    /// <summary>Targets and sessions as they are now, by name.</summary>
    public IReadOnlyList<TargetStatus> List()
    {
        var list = new List<TargetStatus>();
        foreach (TargetNode target in _targets.Values) list.Add(StatusOf(target));
        list.Sort(static (a, b) => string.CompareOrdinal(a.Iqn, b.Iqn));
        return list;
    }

    /// <summary>
    /// Stops listening, closes every connection and completes when all commands have ended.
    /// </summary>
    public async ValueTask CloseAsync()
    {
        _closing = true;
        foreach (IListener listener in _listeners) listener.Close();
        _listeners.Clear();
        IscsiConnection[] connections = _connections.ToArray();
        foreach (IscsiConnection connection in connections) connection.Close("the server is stopping");
        foreach (IscsiConnection connection in connections) await connection.Ended;
    }

    LoginStatus ILoginDirectory.Find(string targetName, string initiatorName, out TargetNode? target)
    {
        if (!_targets.TryGetValue(targetName, out target)) return LoginStatus.NotFound;
        return target.Allows(initiatorName) ? LoginStatus.Success : LoginStatus.AuthorizationFailure;
    }

    void ILoginDirectory.FillRandom(Span<byte> destination) => _loop.FillRandom(destination);

    internal IEnumerable<TargetNode> TargetsFor(string initiatorName)
    {
        foreach (TargetNode target in _targets.Values)
            if (target.Allows(initiatorName)) yield return target;
    }

    internal static IscsiSession? FindSession(TargetNode target, string initiatorName, ulong isid)
    {
        foreach (IscsiSession session in target.Sessions)
            if (session.Setup.Isid == isid && session.Setup.InitiatorName == initiatorName) return session;
        return null;
    }

    /// <summary>Login is complete: a session comes into being.</summary>
    internal IscsiSession Attach(IscsiConnection connection, LoginExchange login, uint firstCmdSn,
        uint firstStatSn)
    {
        var setup = new SessionSetup
        {
            Connection = connection,
            Server = this,
            Loop = _loop,
            Logger = _logger,
            Options = Options,
            Tasks = Tasks,
            Parameters = login.Parameters,
            InitiatorName = login.InitiatorName,
            Isid = login.Isid,
            Tsih = NextTsih(),
            Cid = login.Cid,
            FirstCmdSn = firstCmdSn,
            FirstStatSn = firstStatSn,
            Target = login.Target,
            Nexus = login.Target is null ? null : new Nexus(login.InitiatorName, login.Isid),
        };
        var session = new IscsiSession(setup);
        if (login.Target is null) return session;
        login.Target.Sessions.Add(session);
        login.Target.Unit.Attach(setup.Nexus!);
        return session;
    }

    internal static void Detach(IscsiSession session)
    {
        if (session.Setup.Target is not TargetNode target || !target.Sessions.Contains(session)) return;
        target.Unit.Detach(session.Setup.Nexus!);
    }

    /// <summary>Nothing of the connection is left.</summary>
    internal void Forget(IscsiConnection connection)
    {
        _connections.Remove(connection);
        if (connection.Session is { } session) session.Setup.Target?.Sessions.Remove(session);
    }

    private async ValueTask AcceptAllAsync(IListener listener)
    {
        while (await listener.AcceptAsync() is IConnection accepted)
        {
            if (_closing || _connections.Count >= Options.MaxConnections)
            {
                TargetLog.ConnectionRefused(_logger, accepted.RemoteEndPoint.ToString(),
                    "too many connections");
                accepted.Close();
                continue;
            }

            var connection = new IscsiConnection(this, _loop, accepted, _logger);
            _connections.Add(connection);
            Forward(connection.RunAsync());
        }
    }

    /// <summary>Runs on by itself; a fault in it is a bug and must not pass in silence.</summary>
    private static async void Forward(ValueTask work) => await work;

    private ushort NextTsih()
    {
        _lastTsih = _lastTsih == ushort.MaxValue ? (ushort)1 : (ushort)(_lastTsih + 1);
        return _lastTsih;
    }

    private static TargetStatus StatusOf(TargetNode target)
    {
        var sessions = new List<SessionStatus>();
        foreach (IscsiSession session in target.Sessions)
        {
            SessionParameters agreed = session.Parameters;
            sessions.Add(new SessionStatus(
                session.Setup.InitiatorName,
                session.Setup.Connection.RemoteEndPoint.ToString(),
                session.Setup.Isid.ToString("x12", CultureInfo.InvariantCulture),
                session.Setup.Tsih, agreed.HeaderDigest, agreed.DataDigest, agreed.InitiatorMaxDataBytes,
                agreed.FirstBurstBytes, agreed.MaxBurstBytes, session.Counters.Commands, session.Tasks.Count,
                session.Counters.ReadBytes, session.Counters.WrittenBytes, session.Counters.Rejects));
        }

        LogicalUnit unit = target.Unit;
        return new TargetStatus(
            target.Iqn, unit.Volume.Name, unit.Volume.SizeBytes, unit.BlockBytes, unit.ReadCommands,
            unit.WriteCommands, unit.ReadBytes, unit.WrittenBytes, sessions);
    }
}
