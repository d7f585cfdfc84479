using Cstor.Engine.Caching;
using Cstor.Engine.Host;
using Cstor.Engine.Rewind;
using Cstor.Engine.Vdevs;
using Cstor.PoolLayout.Records;
using Microsoft.Extensions.Logging;

namespace Cstor.Engine.Pools;

/// <summary>The pools that are open in this process. Belongs to one loop.</summary>
public sealed class PoolRegistry(ILoop loop, ILoggerFactory loggers, PoolOptions options)
{
    private readonly List<Pool> _pools = [];
    private readonly HashSet<string> _busy = new(StringComparer.Ordinal);
    private readonly ILogger _logger = loggers.CreateLogger("Cstor.Pool");

    /// <summary>Open pools, by name.</summary>
    public IReadOnlyList<Pool> Pools => _pools;

    /// <summary>What all pools keep their blocks in.</summary>
    internal ReadCache Cache { get; } = new(loop, options.CacheBytes);

    /// <summary>
    /// How long devices may take from now on, those of open pools and of pools to come.
    /// </summary>
    /// <param name="transfer">For a read or a write.</param>
    /// <param name="command">For a flush or a discard.</param>
    public void SetDeviceDeadlines(TimeSpan transfer, TimeSpan command)
    {
        options = options with { DeviceDeadline = transfer, DeviceFlushDeadline = command };
        foreach (Pool pool in _pools) pool.SetDeadlines(DeviceDeadlines.Of(transfer, command));
    }

    /// <summary>An open pool by name or guid.</summary>
    public Pool? Find(string nameOrGuid)
    {
        foreach (Pool pool in _pools)
            if (pool.Name == nameOrGuid || pool.Guid.ToString() == nameOrGuid)
                return pool;
        return null;
    }

    /// <summary>
    /// Creates a pool; refuses before the first write, and then all devices are as they were.
    /// </summary>
    /// <param name="name">Not the name of an open pool.</param>
    /// <param name="vdevs">At least one.</param>
    /// <param name="force">Overwrites labels and file systems of others.</param>
    public async ValueTask<Outcome<Pool>> CreateAsync(string name, IReadOnlyList<VdevSpec> vdevs, bool force)
    {
        if (Claim(name) is { } fault) return fault;
        byte[] guid = new byte[16];
        loop.FillRandom(guid);
        Outcome<PoolDevices> devices =
            await PoolCreation.CreateAsync(loop, _logger, options.Host, name, new Guid(guid), vdevs, force);
        Outcome<Pool> pool = devices.IsOk
            ? await PoolOpener.CreateAsync(loop, _logger, devices.Value, options, Cache)
            : devices.Fault;
        return Settle(name, pool);
    }

    /// <summary>Says what creation would do, or why it would be refused. Writes nothing.</summary>
    public async ValueTask<Outcome<CreationPlan>> PlanAsync(string name, IReadOnlyList<VdevSpec> vdevs,
        bool force)
    {
        if (Claim(name) is { } fault) return fault;
        Outcome<CreationPlan> plan = await PoolCreation.CheckAsync(loop, name, vdevs, force);
        _busy.Remove(name);
        return plan;
    }

    /// <summary>
    /// Looks for pools on devices and in directories; on all block devices when none are named.
    /// </summary>
    public async ValueTask<Outcome<ImportScan>> ScanAsync(IReadOnlyList<string> directoriesOrDevices)
    {
        List<string> paths = [];
        if (directoriesOrDevices.Count == 0) directoriesOrDevices = [""];
        foreach (string place in directoriesOrDevices)
        {
            Outcome<IReadOnlyList<string>> candidates =
                await loop.Disks.CandidatesAsync(place.Length == 0 ? null : place);
            if (!candidates.IsOk) return candidates.Fault;
            paths.AddRange(candidates.Value);
        }

        return await PoolScanner.ScanAsync(loop, paths);
    }

    /// <summary>Opens a pool that a scan found.</summary>
    /// <param name="candidate">From <see cref="ScanAsync"/>.</param>
    /// <param name="readOnly">Without any write: the log is replayed in memory only.</param>
    /// <param name="force">Also if another host used it last, or it was destroyed.</param>
    /// <param name="checkpoint">Go back to this one, without its log; 0 for the newest with it.</param>
    public async ValueTask<Outcome<Pool>> ImportAsync(
        ImportCandidate candidate, bool readOnly, bool force, ulong checkpoint = 0)
    {
        if (Claim(candidate.Name) is { } fault) return fault;
        Outcome<PoolDevices> devices =
            await PoolOpening.OpenAsync(loop, _logger, options.Host, candidate, readOnly, force);
        Outcome<Pool> pool = devices.IsOk ? await OpenAsync(devices.Value, checkpoint) : devices.Fault;
        return Settle(candidate.Name, pool);
    }

    /// <summary>Says which older roots an import could go back to. Writes nothing.</summary>
    /// <param name="candidate">From <see cref="ScanAsync"/>.</param>
    /// <param name="force">As for <see cref="ImportAsync"/>.</param>
    /// <param name="includesData">Read all data too, not only what leads to it.</param>
    public async ValueTask<Outcome<RewindPlan>> PlanRewindAsync(
        ImportCandidate candidate, bool force, bool includesData)
    {
        if (Claim(candidate.Name) is { } fault) return fault;
        Outcome<PoolDevices> devices =
            await PoolOpening.OpenAsync(loop, _logger, options.Host, candidate, readOnly: true, force);
        Outcome<RewindPlan> plan = devices.IsOk
            ? await PoolRewind.PlanAsync(loop, devices.Value, includesData)
            : devices.Fault;
        if (devices.IsOk) await devices.Value.CloseAsync();
        _busy.Remove(candidate.Name);
        return plan;
    }

    private async ValueTask<Outcome<Pool>> OpenAsync(PoolDevices devices, ulong checkpoint)
    {
        Uberblock? chosen = null;
        if (checkpoint > 0)
        {
            Outcome<Uberblock> root = await PoolRewind.GoBackAsync(loop, _logger, devices, checkpoint);
            if (!root.IsOk)
            {
                await devices.CloseAsync();
                return root.Fault;
            }

            chosen = root.Value;
        }

        return await PoolOpener.ImportAsync(loop, _logger, devices, options, Cache, chosen);
    }

    /// <summary>Closes a pool so that any host may import it.</summary>
    /// <param name="name">An open pool.</param>
    /// <param name="force">Also if not everything could be made durable; waits for devices that hang no
    /// longer than their deadline.</param>
    public ValueTask<Outcome<Unit>> ExportAsync(string name, bool force) =>
        CloseAsync(name, PoolLayout.Labels.PoolState.Exported, force);

    /// <summary>
    /// Closes a pool and marks its devices as free. <c>pool import -f</c> brings it back until they are
    /// used again.
    /// </summary>
    public ValueTask<Outcome<Unit>> DestroyAsync(string name) =>
        CloseAsync(name, PoolLayout.Labels.PoolState.Destroyed, force: false);

    /// <summary>
    /// Closes all pools, to be imported again by this host; at once, so that none waits for another's
    /// devices.
    /// </summary>
    public async ValueTask CloseAllAsync()
    {
        Task<IoStatus>[] closes = [.. _pools.Select(pool => pool.CloseAsync(exported: false).AsTask())];
        _pools.Clear();
        foreach (Task<IoStatus> close in closes) await close;
    }

    private async ValueTask<Outcome<Unit>> CloseAsync(string name, PoolLayout.Labels.PoolState state,
        bool force)
    {
        Pool? pool = Find(name);
        if (pool is null || !_busy.Add(pool.Name))
            return new Fault("no-such-pool", $"there is no pool '{name}'", "List them with: cstor pool list");
        PoolStatus before = pool.Status();
        if (before.Health == "stopped" && !force)
        {
            _busy.Remove(pool.Name);
            return new Fault("pool-stopped", $"pool '{name}' has stopped: {before.Reason}",
                "What was not flushed will be lost; export it with -f");
        }

        if (force) pool.Hurry();
        _pools.Remove(pool);
        IoStatus status = await pool.CloseAsync(state);
        _busy.Remove(pool.Name);
        return status == IoStatus.Ok || force
            ? Unit.Value
            : new Fault("pool-close-failed",
                $"pool '{name}' is closed, but its last changes could not be written ({status})",
                "Import it again to see what is there: everything flushed is");
    }

    private Fault? Claim(string name)
    {
        if (Find(name) is not null)
            return new Fault("pool-exists", $"a pool '{name}' is open already",
                "Choose another name, or export it first");
        return _busy.Add(name)
            ? null
            : new Fault("pool-busy", $"pool '{name}' is being opened or closed", "Try again");
    }

    private Outcome<Pool> Settle(string name, Outcome<Pool> pool)
    {
        _busy.Remove(name);
        if (!pool.IsOk) return pool;
        _pools.Add(pool.Value);
        _pools.Sort(static (a, b) => string.CompareOrdinal(a.Name, b.Name));
        return pool;
    }
}
