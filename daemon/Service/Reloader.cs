using System.Net;
using Cstor.Daemon.Api;
using Cstor.Daemon.Configuration;
using Cstor.Daemon.Vocabulary;
using Cstor.Engine.Host;
using Cstor.Engine.Host.Linux;
using Cstor.Engine.Pools;
using Cstor.Target;
using Microsoft.Extensions.Logging;

namespace Cstor.Daemon.Service;

/// <summary>
/// Reads the configuration again while the daemon runs. All that can fail comes first, so that a file that is
/// wrong changes nothing; sessions go on in any case. What holds only from the next start on is named.
/// </summary>
/// <param name="running">What the daemon was started with.</param>
/// <param name="read">Reads flags and file again.</param>
/// <param name="loop">Of pools and targets.</param>
/// <param name="registry">Its devices have deadlines.</param>
/// <param name="server">It has portals and timeouts.</param>
/// <param name="starter">It knows the secrets of volumes.</param>
/// <param name="threshold">How much is logged.</param>
/// <param name="token">That of the TCP listener, or null.</param>
/// <param name="logger">Says what changed.</param>
internal sealed partial class Reloader(
    DaemonOptions running, Func<Outcome<DaemonOptions>> read, LinuxLoop loop, PoolRegistry registry,
    TargetServer server, PoolStarter starter, LogThreshold threshold, BearerToken? token, ILogger logger)
{
    private readonly Lock _gate = new();
    private DaemonOptions _running = running;
    private Task _last = Task.CompletedTask;

    /// <summary>Completes when what can change has changed, or nothing has and the log says why.</summary>
    public Task RunAsync()
    {
        lock (_gate) return _last = RunAfterAsync(_last);
    }

    private async Task RunAfterAsync(Task before)
    {
        await before;
        Fault? fault = await ReloadAsync();
        if (fault is not null) NothingChanged(fault.ToString());
    }

    private async Task<Fault?> ReloadAsync()
    {
        Outcome<DaemonOptions> wanted = read();
        if (!wanted.IsOk) return wanted.Fault;
        OptionChanges changes = OptionChanges.Between(_running, wanted.Value);
        DaemonOptions next = changes.Apply(_running, wanted.Value);
        Outcome<ChapSettings?> discovery = ChapSecrets.Read(next.DiscoveryChap);
        if (!discovery.IsOk) return discovery.Fault;
        Outcome<BearerToken?> renewed = token is null
            ? Outcome<BearerToken?>.Ok(null)
            : BearerToken.ReadIfNamed(next.HttpTokenFile);
        if (!renewed.IsOk) return renewed.Fault;
        if (await ChangePortalsAsync(_running.Iscsi, next.Iscsi) is { } unfit) return unfit;

        if (renewed.Value is { } other) token!.Become(other);
        threshold.Level = next.LogLevel;
        TimeSpan deadline = TimeSpan.FromSeconds(next.DeviceTimeoutSeconds);
        int silenceMs = next.InitiatorTimeoutSeconds * 1000;
        await loop.ReadAsync(() =>
        {
            registry.SetDeviceDeadlines(deadline, 3 * deadline);
            server.Reconfigure(silenceMs, silenceMs, discovery.Value);
            return Unit.Value;
        });
        await starter.ReadSecretsAsync();
        _running = next;
        Reloaded(changes.Live.Length == 0 ? "no setting" : string.Join(", ", changes.Live));
        if (changes.AtRestart.Length > 0) RestartNeeded(string.Join(", ", changes.AtRestart));
        return null;
    }

    /// <summary>
    /// Old portals go before new ones come: one may be within the other. When a new one cannot be had, all
    /// are as they were.
    /// </summary>
    private async Task<Fault?> ChangePortalsAsync(
        IReadOnlyList<PortalText> before, IReadOnlyList<PortalText> after)
    {
        PortalText[] leaving = [.. before.Except(after)];
        PortalText[] coming = [.. after.Except(before)];
        foreach (PortalText portal in leaving) await StopListeningAsync(portal);
        foreach (PortalText portal in coming)
        {
            Outcome<IPEndPoint> listening = await ListenAsync(portal);
            if (listening.IsOk) continue;
            foreach (PortalText opened in coming.TakeWhile(each => each != portal))
            {
                await StopListeningAsync(opened);
            }
            foreach (PortalText closed in leaving)
            {
                Outcome<IPEndPoint> again = await ListenAsync(closed);
                if (!again.IsOk) PortalLost(closed.ToString(), again.Fault.ToString());
            }
            return listening.Fault;
        }
        return null;
    }

    private Task<Outcome<IPEndPoint>> ListenAsync(PortalText portal) => Predecessor.OutlastAsync(
        "address-in-use",
        () => loop.CallAsync(() => ValueTask.FromResult(server.Listen(portal.EndPoint, portal.GroupTag))));

    /// <summary>One that was taken away by hand before is no fault.</summary>
    private Task<Outcome<Unit>> StopListeningAsync(PortalText portal) =>
        loop.CallAsync(() => ValueTask.FromResult(server.StopListening(portal.EndPoint)));

    [LoggerMessage(
        Level = LogLevel.Information, Message = "the configuration was read again; changed: {Settings}")]
    private partial void Reloaded(string settings);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "restart needed for {Settings}: they hold from the next start of the daemon on")]
    private partial void RestartNeeded(string settings);

    [LoggerMessage(
        Level = LogLevel.Error, Message = "the configuration was read again and nothing changed: {Reason}")]
    private partial void NothingChanged(string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "{Portal} takes no more logins: {Reason}")]
    private partial void PortalLost(string portal, string reason);
}
