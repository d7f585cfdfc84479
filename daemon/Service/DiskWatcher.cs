using Cstor.Daemon.State;
using Cstor.Engine.Host.Linux;
using Cstor.Engine.Pools;
using Microsoft.Extensions.Logging;

namespace Cstor.Daemon.Service;

/// <summary>
/// Notices disks that come and go, by the names that appear and vanish in <c>/dev</c> and wherever else pools
/// have their devices (inotify(7), which works in containers and needs no privilege). A name says nothing of
/// what is behind it: the pools look for themselves, after a rest, for names come in swarms.
/// </summary>
internal sealed partial class DiskWatcher : IAsyncDisposable
{
    private const string Devices = "/dev";

    private static readonly TimeSpan Rest = TimeSpan.FromMilliseconds(500);

    private readonly LinuxLoop _loop;
    private readonly PoolRegistry _registry;
    private readonly PoolStarter _starter;
    private readonly ILogger _logger;
    private readonly Lock _gate = new();
    private readonly Dictionary<string, FileSystemWatcher> _watchers = new(StringComparer.Ordinal);
    private readonly HashSet<string> _vanished = new(StringComparer.Ordinal);
    private readonly CancellationTokenSource _stop = new();
    private Task _looking = Task.CompletedTask;
    private bool _isDue;

    public DiskWatcher(LinuxLoop loop, PoolRegistry registry, PoolStarter starter, ILogger logger)
    {
        _loop = loop;
        _registry = registry;
        _starter = starter;
        _logger = logger;
    }

    /// <summary>Watches from now on.</summary>
    public void Start(KnownPools known)
    {
        Follow(Devices);
        known.Remembered = Follow;
        foreach (KnownPool pool in known.All) Follow(pool);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        Task looking;
        lock (_gate)
        {
            foreach (FileSystemWatcher watcher in _watchers.Values) watcher.Dispose();
            _watchers.Clear();
            looking = _looking;
        }
        await looking;
        _stop.Dispose();
    }

    private void Follow(KnownPool pool)
    {
        foreach (string device in pool.Devices)
        {
            if (Path.GetDirectoryName(device) is { Length: > 0 } directory) Follow(directory);
        }
    }

    private void Follow(string directory)
    {
        lock (_gate)
        {
            if (_stop.IsCancellationRequested || _watchers.ContainsKey(directory)) return;
            try
            {
                FileSystemWatcher watcher = new(directory) { NotifyFilter = NotifyFilters.FileName };
                _watchers.Add(directory, watcher);
                watcher.Created += (_, _) => Notice(null);
                watcher.Deleted += (_, gone) => Notice(gone.FullPath);
                watcher.Renamed += (_, renamed) => Notice(renamed.OldFullPath);
                watcher.Error += (_, _) => Notice(null);
                watcher.EnableRaisingEvents = true;
            }
            catch (Exception exception) when (
                exception is IOException or ArgumentException or UnauthorizedAccessException)
            {
                NotWatched(directory, exception.Message);
            }
        }
    }

    private void Notice(string? vanished)
    {
        lock (_gate)
        {
            if (vanished is not null) _vanished.Add(vanished);
            if (_isDue || _stop.IsCancellationRequested) return;
            _isDue = true;
            _looking = LookAsync(_looking);
        }
    }

    private async Task LookAsync(Task before)
    {
        await before;
        try
        {
            await Task.Delay(Rest, _stop.Token);
        }
        catch (OperationCanceledException)
        {
            return;
        }
        string[] vanished;
        lock (_gate)
        {
            _isDue = false;
            vanished = [.. _vanished.Where(path => !Path.Exists(path))];
            _vanished.Clear();
        }
        (string Name, Guid Guid, string[] Paths)[] pools = await _loop.ReadAsync(() => _registry.Pools
            .Select(pool => (pool.Name, pool.Guid, pool.DevicePaths.ToArray())).ToArray());
        foreach ((string name, Guid guid, string[] paths) in pools)
        {
            foreach (string path in paths.Intersect(vanished)) Vanished(name, path);
            string id = guid.ToString();
            await _loop.InvokeAsync(async () =>
            {
                if (_registry.Find(id) is { } open) await open.LookAfterDevicesAsync();
                return true;
            });
        }
        await _starter.RetryAsync();
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "pool {Pool}: {Path} has vanished")]
    private partial void Vanished(string pool, string path);

    [LoggerMessage(
        Level = LogLevel.Warning, Message = "disks that come and go in {Directory} go unnoticed: {Reason}")]
    private partial void NotWatched(string directory, string reason);
}
