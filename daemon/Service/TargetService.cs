using System.Net;
using Cstor.Daemon.Api;
using Cstor.Daemon.Vocabulary;
using Cstor.Engine.Host;
using Cstor.Engine.Host.Linux;
using Cstor.Target;

namespace Cstor.Daemon.Service;

/// <summary>
/// Targets, their sessions and the portals as the administrator sees them. Called from any thread.
/// </summary>
internal sealed class TargetService(LinuxLoop loop, TargetServer server, VolumeTargets targets)
{
    public async Task<Outcome<TargetView[]>> ListAsync() => await loop.ReadAsync(() =>
    {
        string[] portals = [.. server.Portals.Select(
            portal => new PortalText(portal.EndPoint, portal.GroupTag).ToString())];
        return targets.List().Select(target => Describe(target, portals)).ToArray();
    });

    /// <summary>Until the daemon ends: what it starts with says the configuration.</summary>
    public Task<Outcome<ActionReport>> AddPortalAsync(PortalRequest request) => loop.CallAsync(() =>
    {
        Outcome<PortalText> portal = PortalText.Parse(request.Portal);
        if (!portal.IsOk) return ValueTask.FromResult<Outcome<ActionReport>>(portal.Fault);
        Outcome<IPEndPoint> listening = server.Listen(portal.Value.EndPoint, portal.Value.GroupTag);
        return ValueTask.FromResult<Outcome<ActionReport>>(listening.IsOk
            ? PoolTexts.Done(
                $"volumes are served on {portal.Value with { EndPoint = listening.Value }} too, "
                    + "until the daemon ends; add it to --iscsi to keep it")
            : listening.Fault);
    });

    /// <summary>Sessions that came through it go on.</summary>
    public Task<Outcome<ActionReport>> RemovePortalAsync(PortalRequest request) => loop.CallAsync(() =>
    {
        Outcome<PortalText> portal = PortalText.Parse(request.Portal);
        if (!portal.IsOk) return ValueTask.FromResult<Outcome<ActionReport>>(portal.Fault);
        Outcome<Unit> removed = server.StopListening(portal.Value.EndPoint);
        return ValueTask.FromResult<Outcome<ActionReport>>(removed.IsOk
            ? PoolTexts.Done($"{portal.Value.EndPoint} takes no more logins; its sessions go on")
            : removed.Fault);
    });

    private TargetView Describe(TargetStatus target, string[] portals)
    {
        TargetDefinition? definition = targets.DefinitionOf(target.Iqn);
        ChapSettings? chap = definition?.Chap;
        return new TargetView(
            target.Iqn,
            target.VolumeName,
            target.SizeBytes,
            portals,
            chap is null ? "none" : chap.MutualUserName is null ? "chap" : "mutual chap",
            definition?.Redirection?.Address ?? "",
            target.Logins,
            target.LoginFailures,
            target.Counters,
            [target.Unit],
            [.. target.Sessions.Select(Describe)]);
    }

    private static SessionView Describe(SessionStatus session) => new(
        session.InitiatorName,
        session.Address,
        session.Portal,
        session.PortalGroupTag,
        session.Isid,
        session.Tsih,
        session.HeaderDigest,
        session.DataDigest,
        session.CommandsUnderWay,
        session.Counters);
}
