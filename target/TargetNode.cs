using System.Globalization;
using Cstor.Engine.Host;
using Cstor.Target.Iscsi;
using Cstor.Target.Scsi;

namespace Cstor.Target;

/// <summary>A target as the server keeps it: its definition, its logical unit and its sessions.</summary>
internal sealed class TargetNode
{
    private readonly SessionCounters _ended = new();
    private HashSet<string>? _allowed;

    public TargetNode(
        ILoop loop, TargetDefinition definition, string iqn, int logicalBlockBytes, FairShares? shares)
    {
        Definition = definition;
        Iqn = iqn;
        Unit = new LogicalUnit(definition.Volume, iqn, logicalBlockBytes);
        Unit.AbortTasksOf = AbortTasksOf;
        Unit.Limiter = new RateLimiter(loop, DeviceServer.GoOn);
        if (shares is not null) Unit.Share = new VolumeShare(shares);
        Apply(definition);
    }

    public TargetDefinition Definition { get; private set; }

    /// <summary>Name in lower case.</summary>
    public string Iqn { get; }

    public LogicalUnit Unit { get; }

    public List<IscsiSession> Sessions { get; } = [];

    /// <summary>Being removed: no new session.</summary>
    public bool IsLeaving { get; set; }

    /// <summary>Nobody can be served for now, and so nobody logs in.</summary>
    public bool IsSuspended { get; set; }

    public long Logins { get; private set; }

    public long LoginFailures { get; set; }

    /// <summary>New rules for logging in; sessions go on.</summary>
    public void Apply(TargetDefinition definition)
    {
        Definition = definition;
        Unit.Limiter?.Apply(definition.Limits ?? RateLimits.None);
        if (Unit.Share is { } share) share.Weight = definition.Share;
        _allowed = definition.AllowedInitiators is { Count: > 0 } allowed
            ? new HashSet<string>(allowed, StringComparer.OrdinalIgnoreCase)
            : null;
    }

    public bool Allows(string initiatorName) => _allowed is null || _allowed.Contains(initiatorName);

    /// <summary>
    /// The session of that initiator port through that portal group (RFC 7143 §4.4.3), if any.
    /// </summary>
    public IscsiSession? FindSession(string initiatorName, ulong isid, ushort portalGroupTag)
    {
        foreach (IscsiSession session in Sessions)
        {
            SessionSetup setup = session.Setup;
            if (setup.Isid == isid && setup.PortalGroupTag == portalGroupTag &&
                setup.InitiatorName == initiatorName)
                return session;
        }

        return null;
    }

    public void Attach(IscsiSession session)
    {
        Logins++;
        Sessions.Add(session);
        Unit.Attach(session.Setup.Nexus!);
    }

    /// <summary>The session takes no more commands; those under way come to their end.</summary>
    public void Detach(IscsiSession session)
    {
        if (Sessions.Contains(session)) Unit.Detach(session.Setup.Nexus!);
    }

    public void Forget(IscsiSession session)
    {
        if (Sessions.Remove(session)) _ended.Add(session.Counters);
    }

    public TargetStatus Status()
    {
        var sum = new SessionCounters();
        sum.Add(_ended);
        foreach (IscsiSession session in Sessions) sum.Add(session.Counters);
        return new TargetStatus(
            Iqn,
            Unit.Volume.Name,
            Unit.Volume.SizeBytes,
            Unit.BlockBytes,
            Logins,
            LoginFailures,
            sum.Take(),
            new UnitCounters(0, Unit.ReadCommands, Unit.WriteCommands, Unit.ReadBytes, Unit.WrittenBytes),
            [.. Sessions.Select(StatusOf)]);
    }

    private static SessionStatus StatusOf(IscsiSession session)
    {
        SessionSetup setup = session.Setup;
        SessionParameters agreed = session.Parameters;
        return new SessionStatus(
            setup.InitiatorName,
            setup.Connection.RemoteEndPoint.ToString(),
            setup.Connection.LocalPortal,
            setup.PortalGroupTag,
            setup.Isid.ToString("x12", CultureInfo.InvariantCulture),
            setup.Tsih,
            agreed.HeaderDigest,
            agreed.DataDigest,
            agreed.InitiatorMaxDataBytes,
            agreed.FirstBurstBytes,
            agreed.MaxBurstBytes,
            session.Tasks.Count,
            session.Counters.Take());
    }

    /// <summary>
    /// What was not submitted yet never has an effect, so only the others are waited for.
    /// </summary>
    private ValueTask AbortTasksOf(IReadOnlyCollection<string> portNames)
    {
        TaskCompletionSource ended = new();
        AbortWait wait = new(ended.SetResult);
        foreach (IscsiSession session in Sessions)
        {
            if (!portNames.Contains(session.Setup.Nexus!.PortName)) continue;
            foreach (IscsiTask task in session.Tasks.Values.ToArray())
                session.Abort(task, task.IsSubmitted ? wait : null);
        }

        DeviceServer.EndAborted(Unit);
        wait.Done();
        return new ValueTask(ended.Task);
    }
}
