using System.Net;
using System.Runtime.InteropServices;
using Cstor.Daemon.Api;
using Cstor.Daemon.Configuration;
using Cstor.Daemon.Jobs;
using Cstor.Daemon.Journal;
using Cstor.Daemon.Replicas;
using Cstor.Daemon.Schedules;
using Cstor.Daemon.State;
using Cstor.Daemon.Vocabulary;
using Cstor.Engine.Host;
using Cstor.Engine.Host.Linux;
using Cstor.Engine.Pools;
using Cstor.Engine.Vdevs;
using Cstor.Target;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;

namespace Cstor.Daemon.Service;

/// <summary>
/// The composition root. Starts from what others depend on: state directory (one daemon each), loop, pools,
/// targets, portals, admin API; and stops the other way round, so that nothing is served that is not backed.
/// A fault at the start undoes what was started. A bug on the loop ends the process at once: pools are made
/// for that.
/// </summary>
internal sealed partial class DaemonProcess : IAsyncDisposable
{
    private const string NotifyVariable = "NOTIFY_SOCKET";

    /// <summary>
    /// How long the start waits for pools whose devices hang, and the stop for each of its steps.
    /// </summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly DaemonOptions _options;
    private readonly ILoggerFactory _loggers;
    private readonly EventLog _events;
    private readonly LogThreshold _threshold;
    private readonly ILogger _logger;
    private readonly Stack<(string What, Func<Task> Undo)> _started = new();

    private Reloader? _reloader;

    private DaemonProcess(
        DaemonOptions options, ILoggerFactory loggers, EventLog events, LogThreshold threshold)
    {
        _options = options;
        _threshold = threshold;
        _events = events;
        _loggers = loggers;
        _logger = loggers.CreateLogger("cstor.daemon");
    }

    /// <summary>Runs until a signal says to stop.</summary>
    /// <param name="options">How.</param>
    /// <param name="read">Reads the settings again, for SIGHUP.</param>
    /// <param name="output">Is told when the daemon is ready.</param>
    /// <param name="cancel">Stops it as a signal does.</param>
    /// <returns>Why the daemon could not start or stop cleanly, or null.</returns>
    public static async Task<Fault?> RunAsync(
        DaemonOptions options, Func<Outcome<DaemonOptions>> read, TextWriter output, CancellationToken cancel)
    {
        if (ProcessorCheck.Verify() is { } lacking) return lacking;
        TaskCompletionSource stop = new(TaskCreationOptions.RunContinuationsAsynchronously);
        using CancellationTokenRegistration cancelled = cancel.Register(() => stop.TrySetResult());
        using PosixSignalRegistration term = OnSignal(PosixSignal.SIGTERM, stop);
        using PosixSignalRegistration interrupt = OnSignal(PosixSignal.SIGINT, stop);
        await using EventLog events = new(TimeProvider.System);
        LogThreshold threshold = new(options.LogLevel);
        using ILoggerFactory loggers = CreateLoggers(threshold, events);
        await using DaemonProcess daemon = new(options, loggers, events, threshold);
        using PosixSignalRegistration hangUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, context =>
        {
            context.Cancel = true;
            _ = daemon.ReloadAsync();
        });
        Outcome<string> ready = await daemon.StartAsync(read);
        if (!ready.IsOk) return ready.Fault;
        await output.WriteLineAsync(ready.Value);
        await output.FlushAsync(CancellationToken.None);
        string? notify = Environment.GetEnvironmentVariable(NotifyVariable);
        if (!ServiceNotifier.Send(notify, "READY=1")) daemon.NotNotified();
        await stop.Task;
        daemon.Stopping();
        ServiceNotifier.Send(notify, "STOPPING=1");
        return await daemon.StopAsync();
    }

    public async ValueTask DisposeAsync() => await StopAsync();

    /// <returns>The line that says what is served where.</returns>
    private async Task<Outcome<string>> StartAsync(Func<Outcome<DaemonOptions>> read)
    {
        Outcome<StateDirectory> state = StateDirectory.Open(_options.StateDirectory);
        if (!state.IsOk) return state.Fault;
        OnStop("state directory", () => Synchronously(state.Value.Dispose));
        if (state.Value.LoadFault is { } damaged) StateDamaged(damaged.ToString());
        Outcome<HostIdentity> host = HostIdentityFile.Load(_options.StateDirectory);
        if (!host.IsOk) return host.Fault;
        History history = OpenJournal();
        Outcome<BearerToken?> token = BearerToken.ReadIfNamed(_options.HttpTokenFile);
        if (!token.IsOk) return token.Fault;

        Outcome<LinuxLoop> started = LinuxLoop.Start(new() { BufferLimitBytes = BufferLimitBytes });
        if (!started.IsOk) return started.Fault;
        LinuxLoop loop = started.Value;
        OnStop("loop", () => Synchronously(loop.Dispose));

        PoolRegistry registry = new(loop, _loggers, await PoolOptionsForAsync(loop, host.Value));
        Outcome<ChapSettings?> discovery = ChapSecrets.Read(_options.DiscoveryChap);
        if (!discovery.IsOk) return discovery.Fault;
        TargetOptions targetOptions = TargetOptionsFor(_options, discovery.Value);
        TargetServer server = await loop.ReadAsync(
            () => new TargetServer(loop, _loggers.CreateLogger("cstor.target"), targetOptions));
        Outcome<ReplicaParts> replication = await ReplicaParts.OpenAsync(_options, loop, _loggers);
        if (!replication.IsOk) return replication.Fault;
        ReplicaGroups groups = replication.Value.Groups;
        VolumeTargets targets = new(server, groups, _loggers.CreateLogger("cstor.targets"));
        KnownPools known = new(state.Value, _loggers.CreateLogger("cstor.state"));
        PoolStarter starter = new(
            loop, registry, targets, groups, known, _loggers.CreateLogger("cstor.pools"));
        PoolService pools = new(
            loop, registry, targets, groups, known, starter, host.Value,
            _loggers.CreateLogger("cstor.pools"));
        OnStop("pools", pools.CloseAllAsync);
        OnStop("replicas", replication.Value.CloseAsync);
        PoolMaintenanceService maintenance = new(
            loop, registry, known, _loggers.CreateLogger("cstor.pools"));
        ILogger volumeLogger = _loggers.CreateLogger("cstor.volumes");
        VolumeService volumes = new(loop, registry, targets, groups, starter, volumeLogger);
        SnapshotService snapshots = new(loop, registry, volumeLogger);
        CloneService clones = new(loop, registry, starter, volumeLogger);
        Transfers transfers = new(TimeProvider.System);
        StreamService streams = new(
            loop, registry, targets, starter, transfers, _loggers.CreateLogger("cstor.streams"));
        JobService jobs = new(loop, registry, groups, maintenance, transfers);

        ReplicaService replicas = await replication.Value.StartAsync(
            registry, targets, starter, volumes, snapshots);
        await RestoreAsync(starter);
        Outcome<PortalText[]> portals = await ServeAsync(loop, server, targets);
        if (!portals.IsOk) return portals.Fault;
        TargetService targetService = new(loop, server, targets);
        StatisticsService statistics = new(loop, registry, server);
        Observation observation = new(
            history, _events, new MetricsService(loop, pools, volumes, groups, targetService, statistics));
        Administration administration = new(
            loop, registry, pools, maintenance, volumes, snapshots, clones, streams, jobs,
            targetService, replicas, replication.Value.Peers, known, observation);
        OnStop("leadership", replication.Value.YieldAsync);
        Outcome<string> http = await StartAdminAsync(administration, token.Value);
        if (!http.IsOk) return http.Fault;
        string iscsi = string.Join(", ", portals.Value.AsEnumerable());
        StartDiskWatcher(
            new DiskWatcher(loop, registry, starter, _loggers.CreateLogger("cstor.disks")), known);
        _reloader = new Reloader(
            _options, read, loop, registry, server, starter, _threshold, token.Value, _logger);
        StartSchedule(new SnapshotKeeper(loop, registry, groups, replicas, observation));
        StartWatchdog(loop);
        return $"ready: iscsi on {iscsi}, socket {_options.SocketPath}{http.Value}";
    }

    /// <returns>Where it is served over TCP, for the line that says so.</returns>
    private async Task<Outcome<string>> StartAdminAsync(Administration administration, BearerToken? token)
    {
        AdminServerOptions options = new(_options.SocketPath, _options.Http, Deadlines.Default)
        {
            Token = token,
        };
        Outcome<AdminServer> admin = await AdminServer.StartAsync(administration, options, _loggers);
        if (!admin.IsOk) return admin.Fault;
        OnStop("admin API", () => admin.Value.DisposeAsync().AsTask());
        return admin.Value.HttpAddress is { } address ? $", http {address}" : "";
    }

    /// <summary>Memory for I/O under way; the target may fill half of it.</summary>
    private const long BufferLimitBytes = 128L * 1024 * 1024;

    private History OpenJournal()
    {
        ILogger journal = _loggers.CreateLogger(EventLoggerProvider.JournalCategory);
        _events.Open(_options.StateDirectory, journal);
        History history = new(_options.StateDirectory, TimeProvider.System, journal);
        OnStop("history", () => Synchronously(history.Dispose));
        return history;
    }

    /// <summary>A daemon that still starts has just read its settings.</summary>
    private async Task ReloadAsync()
    {
        if (_reloader is null) return;
        string? notify = Environment.GetEnvironmentVariable(NotifyVariable);
        ServiceNotifier.Send(notify, "RELOADING=1");
        await _reloader.RunAsync();
        ServiceNotifier.Send(notify, "READY=1");
    }

    private void StartWatchdog(LinuxLoop loop)
    {
        string? notify = Environment.GetEnvironmentVariable(NotifyVariable);
        Watchdog? watchdog = Watchdog.Start(
            Environment.GetEnvironmentVariable("WATCHDOG_USEC"),
            Environment.GetEnvironmentVariable("WATCHDOG_PID"),
            () => loop.ReadAsync(static () => true),
            () => ServiceNotifier.Send(notify, "WATCHDOG=1"),
            TimeProvider.System);
        if (watchdog is not null) OnStop("watchdog", () => watchdog.DisposeAsync().AsTask());
    }

    private void StartDiskWatcher(DiskWatcher watcher, KnownPools known)
    {
        OnStop("disk watcher", () => watcher.DisposeAsync().AsTask());
        watcher.Start(known);
    }

    private void StartSchedule(SnapshotKeeper keeper)
    {
        SnapshotScheduler scheduler = new(
            keeper, _options.Clock, _loggers.CreateLogger("cstor.schedule"));
        OnStop("schedule", () => scheduler.DisposeAsync().AsTask());
        scheduler.Start();
    }

    private async Task<PoolOptions> PoolOptionsForAsync(LinuxLoop loop, HostIdentity host)
    {
        MemoryLevel memory = await loop.InvokeAsync(loop.Memory.MeasureAsync);
        TimeSpan deadline = TimeSpan.FromSeconds(_options.DeviceTimeoutSeconds);
        return new PoolOptions
        {
            CacheBytes = _options.CacheBytes ?? PoolOptions.CacheBytesFor(memory),
            Host = host,
            DeviceDeadline = deadline,
            DeviceFlushDeadline = 3 * deadline,
        };
    }

    private static TargetOptions TargetOptionsFor(DaemonOptions options, ChapSettings? discovery) => new()
    {
        BufferLimitBytes = BufferLimitBytes / 2,
        DiscoveryChap = discovery,
        NopIntervalMs = options.InitiatorTimeoutSeconds * 1000,
        NopTimeoutMs = options.InitiatorTimeoutSeconds * 1000,
    };

    /// <summary>Pools whose devices hang open later, if ever; the others are not kept waiting.</summary>
    private async Task RestoreAsync(PoolStarter starter)
    {
        Task restored = starter.RestoreAsync();
        await Task.WhenAny(restored, Task.Delay(Patience));
        if (restored.IsCompleted) await restored;
        else RestoreGoesOn();
    }

    /// <summary>
    /// Targets are there before their portals, so that an initiator which comes back finds its own.
    /// </summary>
    private async Task<Outcome<PortalText[]>> ServeAsync(
        LinuxLoop loop, TargetServer server, VolumeTargets targets)
    {
        OnStop("targets", () => loop.CallAsync<Unit>(async () =>
        {
            await server.CloseAsync();
            return Unit.Value;
        }));
        Outcome<Unit> served = await loop.CallAsync(() => ValueTask.FromResult(ServeNullVolumes(targets)));
        if (!served.IsOk) return served.Fault;
        List<PortalText> portals = [];
        foreach (PortalText portal in _options.Iscsi)
        {
            Outcome<IPEndPoint> listening = await Predecessor.OutlastAsync(
                "address-in-use",
                () => loop.CallAsync(
                    () => ValueTask.FromResult(server.Listen(portal.EndPoint, portal.GroupTag))));
            if (!listening.IsOk) return listening.Fault;
            portals.Add(portal with { EndPoint = listening.Value });
        }
        return portals.ToArray();
    }

    private Outcome<Unit> ServeNullVolumes(VolumeTargets targets)
    {
        foreach (NullVolumeOption option in _options.NullVolumes)
        {
            Outcome<Unit> served = targets.Serve(option.Name, new NullVolume(option.Name, option.SizeBytes));
            if (!served.IsOk) return served.Fault;
        }
        return Unit.Value;
    }

    private async Task<Fault?> StopAsync()
    {
        Fault? first = null;
        while (_started.TryPop(out (string What, Func<Task> Undo) step))
        {
            try
            {
                await step.Undo().WaitAsync(Patience);
            }
            catch (TimeoutException)
            {
                StopHangs(step.What, Patience.TotalSeconds);
                first ??= new Fault(
                    "stop-deadline",
                    $"the {step.What} did not stop in {Patience.TotalSeconds:0} s: a device may hang",
                    "Nothing that was flushed is lost; see the log");
            }
        }
        return first;
    }

    private void OnStop(string what, Func<Task> undo) => _started.Push((what, undo));

    private static Task Synchronously(Action action) => Task.Run(action);

    private static PosixSignalRegistration OnSignal(PosixSignal signal, TaskCompletionSource stop) =>
        PosixSignalRegistration.Create(signal, context =>
        {
            context.Cancel = true;
            stop.TrySetResult();
        });

    private static ILoggerFactory CreateLoggers(
        LogThreshold threshold, EventLog events) => LoggerFactory.Create(builder =>
    {
        builder.SetMinimumLevel(LogLevel.Trace);
        builder.AddFilter<ConsoleLoggerProvider>(threshold.Admits);
        // Events do not depend on how much is logged.
        builder.AddProvider(new EventLoggerProvider(events));
        builder.AddFilter<EventLoggerProvider>(null, LogLevel.Information);
        builder.AddSimpleConsole(format =>
        {
            format.SingleLine = true;
            format.TimestampFormat = "yyyy-MM-ddTHH:mm:ss.fffZ ";
            format.UseUtcTimestamp = true;
            format.ColorBehavior = LoggerColorBehavior.Disabled;
        });
        builder.AddConsole(console => console.LogToStandardErrorThreshold = LogLevel.Trace);
    });

    [LoggerMessage(Level = LogLevel.Error, Message = "{Reason}")]
    private partial void StateDamaged(string reason);

    [LoggerMessage(
        Level = LogLevel.Warning, Message = "some pools are still being opened; a device may hang")]
    private partial void RestoreGoesOn();

    [LoggerMessage(
        Level = LogLevel.Warning, Message = "the service manager could not be told that the daemon is ready")]
    private partial void NotNotified();

    [LoggerMessage(Level = LogLevel.Information, Message = "stopping")]
    private partial void Stopping();

    [LoggerMessage(
        Level = LogLevel.Error, Message = "the {What} did not stop in {Seconds} s: a device may hang")]
    private partial void StopHangs(string what, double seconds);
}
