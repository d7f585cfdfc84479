using System.Net;
using Cstor.Engine.Host;
using Cstor.Engine.Statistics;
using Cstor.Target.Iscsi;
using Cstor.Target.Scsi;
using Microsoft.Extensions.Logging;

namespace Cstor.Target;

/// <summary>
/// The iSCSI target: portals, targets with one logical unit each, and the sessions of initiators. Lives on
/// one loop; every member is called there. Portals and the rules of a target may change at any time: sessions
/// that the new rules allow go on and notice nothing.
/// </summary>
public sealed class TargetServer : ILoginDirectory
{
    private const int MaximumNameLength = 223;
    private const long NanosecondsPerMs = 1_000_000;

    private readonly ILoop _loop;
    private readonly ILogger _logger;
    private readonly Dictionary<string, TargetNode> _targets = new(StringComparer.Ordinal);
    private readonly Dictionary<string, FairShares> _shares = new(StringComparer.Ordinal);
    private readonly HashSet<IscsiConnection> _connections = [];
    private readonly List<Portal> _portals = [];
    private readonly HashSet<ushort> _tsihs = [];
    private ushort _lastTsih;
    private bool _closing;

    public TargetServer(ILoop loop, ILogger logger, TargetOptions options)
    {
        _loop = loop;
        _logger = logger;
        Options = options;
        Budget = new BufferBudget(loop, options.BufferLimitBytes);
        Throttle = new LoginThrottle(options.FailedLoginDelayMs);
        Ended = new EndedCommands(loop);
    }

    public TargetOptions Options { get; private set; }

    internal BufferBudget Budget { get; }

    internal LoginThrottle Throttle { get; }

    internal TaskPool Tasks { get; } = new();

    internal EndedCommands Ended { get; }

    /// <summary>Connections open now, in login or in full-feature phase.</summary>
    public int ConnectionCount => _connections.Count;

    /// <summary>Discovery sessions open now.</summary>
    public int DiscoveryCount { get; private set; }

    /// <summary>Logins refused for want of the right proof, discovery included.</summary>
    public long AuthenticationFailures { get; private set; }

    /// <summary>Where we listen, and the portal group tag of each.</summary>
    public IReadOnlyList<(IPEndPoint EndPoint, ushort GroupTag)> Portals =>
        [.. _portals.Select(static portal => (portal.EndPoint, portal.GroupTag))];

    /// <summary>
    /// Listens on one more portal. Fault: the address is in use or not ours; "portal-tag".
    /// </summary>
    /// <param name="endPoint">Address and port; [::] is every address, of IPv4 too.</param>
    /// <param name="groupTag">Portal group, 1 to 65535.</param>
    /// <returns>The portal, with the port that was chosen where 0 was asked for.</returns>
    public Outcome<IPEndPoint> Listen(IPEndPoint endPoint, ushort groupTag = 1)
    {
        if (groupTag == 0)
            return new Fault("portal-tag", $"{endPoint}: 0 is no portal group tag", "Use 1 to 65535");
        Outcome<IListener> listener = _loop.Network.Listen(endPoint);
        if (!listener.IsOk) return listener.Fault;
        var portal = new Portal(listener.Value, groupTag);
        _portals.Add(portal);
        TargetLog.Listening(_logger, portal.EndPoint.ToString());
        Forward(AcceptAllAsync(portal));
        return portal.EndPoint;
    }

    /// <summary>
    /// Takes a portal away; sessions that came through it go on. Fault: "no-such-portal".
    /// </summary>
    public Outcome<Unit> StopListening(IPEndPoint endPoint)
    {
        Portal? portal = _portals.Find(each => each.EndPoint.Equals(endPoint));
        if (portal is null) return new Fault("no-such-portal", $"{endPoint} is no portal");
        _portals.Remove(portal);
        portal.Listener.Close();
        TargetLog.NotListening(_logger, endPoint.ToString());
        return Unit.Value;
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
        if (FindChapFault(iqn, definition) is { } fault) return fault;
        var node = new TargetNode(_loop, definition, iqn, blockBytes, SharesOf(definition));
        node.Unit.FindUnit = FindUnit;
        _targets.Add(iqn, node);
        return Unit.Value;
    }

    /// <summary>
    /// Gives a target new rules for logging in: CHAP, initiators, redirection. Sessions go on, but those of
    /// initiators that are not allowed any more, which are asked to log out. Volume and block size stay.
    /// Fault: "no-such-target", "target-chap".
    /// </summary>
    public Outcome<Unit> Reconfigure(TargetDefinition definition)
    {
        if (!_targets.TryGetValue(definition.Iqn.ToLowerInvariant(), out TargetNode? target))
            return new Fault("no-such-target", $"{definition.Iqn} is not offered");
        if (FindChapFault(target.Iqn, definition) is { } fault) return fault;
        target.Apply(definition with
        {
            Volume = target.Definition.Volume,
            SharedPool = target.Definition.SharedPool,
            SharedDevices = target.Definition.SharedDevices,
            LogicalBlockBytes = target.Definition.LogicalBlockBytes,
        });
        IscsiSession[] unwanted =
            [.. target.Sessions.Where(session => !target.Allows(session.Setup.InitiatorName))];
        if (unwanted.Length > 0) Forward(AskToLeaveAsync(unwanted, "the initiator is not allowed any more"));
        return Unit.Value;
    }

    /// <summary>
    /// Changes when a silent initiator is asked for a sign of life and when it is given up, in sessions that
    /// there are too; and who may discover targets.
    /// </summary>
    public void Reconfigure(int nopIntervalMs, int nopTimeoutMs, ChapSettings? discovery) =>
        Options = Options with
        {
            NopIntervalMs = nopIntervalMs,
            NopTimeoutMs = nopTimeoutMs,
            DiscoveryChap = discovery,
        };

    /// <summary>
    /// Takes a target away: its initiators are asked to log out and dropped after a grace. Completes when
    /// their commands have ended.
    /// </summary>
    public async ValueTask RemoveTarget(string iqn)
    {
        if (!_targets.TryGetValue(iqn.ToLowerInvariant(), out TargetNode? target)) return;
        target.IsLeaving = true;
        _targets.Remove(target.Iqn);
        await AskToLeaveAsync([.. target.Sessions], "the target was removed");
    }

    /// <summary>The volume's size changed: every initiator is told by a unit attention.</summary>
    public void CapacityChanged(string iqn)
    {
        if (_targets.TryGetValue(iqn.ToLowerInvariant(), out TargetNode? target))
            target.Unit.AttendAll(Sense.CapacityChanged);
    }

    /// <summary>
    /// Nobody can be served here for now: initiators lose their connections, so that they take other paths
    /// or wait, and log in again once it has ended.
    /// </summary>
    public void Suspend(string iqn, bool isSuspended)
    {
        if (!_targets.TryGetValue(iqn.ToLowerInvariant(), out TargetNode? target)) return;
        target.IsSuspended = isSuspended;
        if (!isSuspended) return;
        foreach (IscsiSession session in target.Sessions.ToArray())
            session.Setup.Connection.Close("the volume cannot be served by this node for now");
    }

    /// <summary>
    /// Says which ports the unit of a target has on this node and others; initiators are told of a change.
    /// </summary>
    public void SetPorts(string iqn, ushort own, IReadOnlyList<TargetPort> all)
    {
        if (_targets.TryGetValue(iqn.ToLowerInvariant(), out TargetNode? target))
            target.Unit.Ports.Describe(own, all);
    }

    /// <summary>Targets and sessions as they are now, by name.</summary>
    public IReadOnlyList<TargetStatus> List()
    {
        var list = new List<TargetStatus>();
        foreach (TargetNode target in _targets.Values) list.Add(target.Status());
        list.Sort(static (a, b) => string.CompareOrdinal(a.Iqn, b.Iqn));
        return list;
    }

    /// <summary>One target as it is now, or null.</summary>
    public TargetStatus? Find(string iqn) =>
        _targets.TryGetValue(iqn.ToLowerInvariant(), out TargetNode? target) ? target.Status() : null;

    /// <summary>How the commands of every target's volume fare, by name of the target.</summary>
    public IReadOnlyList<VolumeIo> Io() =>
    [
        .. _targets.Values
            .OrderBy(static target => target.Iqn, StringComparer.Ordinal)
            .Select(static target => target.Unit.Times.Take(target.Unit.Volume.Name)),
    ];

    /// <summary>
    /// Stops listening, tells initiators that their connections end, closes them and completes when all
    /// commands have ended.
    /// </summary>
    public async ValueTask CloseAsync()
    {
        _closing = true;
        foreach (Portal portal in _portals) portal.Listener.Close();
        _portals.Clear();
        IscsiConnection[] connections = _connections.ToArray();
        foreach (IscsiConnection connection in connections) connection.Drop("the server is stopping");
        await EndedAsync(connections, Options.LogoutGraceMs, "the server is stopping");
    }

    LoginTarget ILoginDirectory.Find(string targetName, string initiatorName, string portal)
    {
        if (!_targets.TryGetValue(targetName, out TargetNode? target)) return new(LoginStatus.NotFound);
        if (!target.Allows(initiatorName)) return new(LoginStatus.AuthorizationFailure, target);
        if (target.IsSuspended) return new(LoginStatus.ServiceUnavailable, target);
        Redirection? elsewhere = target.Definition.Redirection;
        if (elsewhere is null || elsewhere.Address == portal) return new(LoginStatus.Success, target);
        LoginStatus moved =
            elsewhere.IsPermanent ? LoginStatus.MovedPermanently : LoginStatus.MovedTemporarily;
        return new(moved, target, elsewhere);
    }

    void ILoginDirectory.FillRandom(Span<byte> destination) => _loop.FillRandom(destination);

    internal IEnumerable<TargetNode> TargetsFor(string initiatorName)
    {
        foreach (TargetNode target in _targets.Values)
            if (target.Allows(initiatorName)) yield return target;
    }

    /// <summary>The portals that an initiator can reach, as TargetAddress names them.</summary>
    internal List<string> AddressesFor(IscsiConnection connection) => Portal.AddressesFor(
        _portals.Select(static portal => (portal.EndPoint, portal.GroupTag)), connection.LocalEndPoint);

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
            PortalGroupTag = connection.PortalGroupTag,
            FirstCmdSn = firstCmdSn,
            FirstStatSn = firstStatSn,
            Target = login.Target,
            Nexus = login.Target is null ? null : new Nexus(login.InitiatorName, login.Isid)
            {
                AllowsQueries = login.Parameters.AllowsQueries,
            },
        };
        var session = new IscsiSession(setup);
        if (login.Target is null) DiscoveryCount++;
        else login.Target.Attach(session);
        return session;
    }

    /// <summary>A login was refused, with or without a target that it was for.</summary>
    internal void CountRefused(LoginStatus status, TargetNode? target)
    {
        if (status == LoginStatus.AuthenticationFailure) AuthenticationFailures++;
        if (target is not null) target.LoginFailures++;
    }

    /// <summary>Nothing of the connection is left.</summary>
    internal void Forget(IscsiConnection connection)
    {
        _connections.Remove(connection);
        if (connection.Session is not { } session) return;
        _tsihs.Remove(session.Setup.Tsih);
        if (session.Setup.Target is { } target) target.Forget(session);
        else DiscoveryCount--;
    }

    private async ValueTask AcceptAllAsync(Portal portal)
    {
        while (await portal.Listener.AcceptAsync() is IConnection accepted)
        {
            if (_closing || (_connections.Count >= Options.MaxConnections && !TryMakeRoom()))
            {
                TargetLog.ConnectionRefused(_logger, accepted.RemoteEndPoint.ToString(),
                    "too many connections");
                accepted.Close();
                continue;
            }

            var connection = new IscsiConnection(this, _loop, accepted, portal.GroupTag, _logger);
            _connections.Add(connection);
            Forward(connection.RunAsync());
        }
    }

    /// <summary>
    /// Connections that never log in must not keep out those that would: the oldest of them goes.
    /// </summary>
    private bool TryMakeRoom()
    {
        IscsiConnection? oldest = null;
        foreach (IscsiConnection each in _connections)
        {
            if (each.Session is not null || each.IsClosing) continue;
            if (oldest is null || each.BeganNanoseconds < oldest.BeganNanoseconds) oldest = each;
        }

        oldest?.Close("made room for another connection");
        return oldest is not null;
    }

    private async ValueTask AskToLeaveAsync(IscsiSession[] sessions, string reason)
    {
        ushort seconds = (ushort)Math.Min((Options.LogoutGraceMs + 999) / 1000, ushort.MaxValue);
        foreach (IscsiSession session in sessions)
            RequestHandler.Announce(session, AsyncEvent.LogoutRequested, 0, 0, seconds);
        await EndedAsync([.. sessions.Select(each => each.Setup.Connection)], Options.LogoutGraceMs, reason);
    }

    /// <summary>Completes when the connections have ended; closes them when they have not by then.</summary>
    private async ValueTask EndedAsync(IscsiConnection[] connections, int graceMs, string reason)
    {
        ILoopTimer deadline = _loop.CreateTimer(() =>
        {
            foreach (IscsiConnection connection in connections) connection.Close(reason);
        });
        deadline.Start(graceMs * NanosecondsPerMs);
        foreach (IscsiConnection connection in connections) await connection.EndedAsync();
        deadline.Stop();
    }

    /// <summary>One for each pool that there ever was: they hold nothing but what is under way.</summary>
    private FairShares? SharesOf(TargetDefinition definition)
    {
        if (definition.SharedPool is not { } pool) return null;
        if (!_shares.TryGetValue(pool, out FairShares? shares))
            _shares.Add(pool, shares = new FairShares(_loop, DeviceServer.Launch));
        shares.Devices = definition.SharedDevices;
        return shares;
    }

    private static Fault? FindChapFault(string iqn, TargetDefinition definition)
    {
        bool isBad = definition.Chap is { } chap &&
            (chap.Secret.Length is < 12 or > 64 || chap.Secret == chap.MutualSecret);
        return isBad
            ? new Fault("target-chap",
                $"{iqn}: CHAP secrets are 12 to 64 characters and differ each way")
            : null;
    }

    /// <summary>Runs on by itself; a fault in it is a bug and must not pass in silence.</summary>
    private static async void Forward(ValueTask work) => await work;

    /// <summary>A unit that this initiator is logged in to: it has proven that it may use it.</summary>
    private LogicalUnit? FindUnit(UnitDesignator designator, string initiatorName)
    {
        foreach (TargetNode target in _targets.Values)
        {
            bool isIn = designator.Names(target.Definition.Volume.Id) && target.Sessions.Exists(
                session => !session.IsClosed && session.Setup.InitiatorName == initiatorName);
            if (isIn) return target.Unit;
        }

        return null;
    }

    /// <summary>One that no session has. There are fewer connections than numbers.</summary>
    private ushort NextTsih()
    {
        do
        {
            _lastTsih = _lastTsih == ushort.MaxValue ? (ushort)1 : (ushort)(_lastTsih + 1);
        }
        while (!_tsihs.Add(_lastTsih));
        return _lastTsih;
    }
}
