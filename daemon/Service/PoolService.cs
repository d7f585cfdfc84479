using Cstor.Daemon.Api;
using Cstor.Daemon.Replicas;
using Cstor.Daemon.State;
using Cstor.Daemon.Vocabulary;
using Cstor.Engine.Host;
using Cstor.Engine.Host.Linux;
using Cstor.Engine.Pools;
using Cstor.Engine.Rewind;
using Cstor.Engine.Vdevs;
using Cstor.Engine.Volumes;
using Cstor.PoolLayout.Units;
using Microsoft.Extensions.Logging;

namespace Cstor.Daemon.Service;

/// <summary>Pools as the administrator sees them. Called from any thread.</summary>
internal sealed partial class PoolService(
    LinuxLoop loop,
    PoolRegistry registry,
    VolumeTargets targets,
    ReplicaGroups groups,
    KnownPools known,
    PoolStarter starter,
    HostIdentity host,
    ILogger logger)
{
    public async Task<Outcome<PoolStatus[]>> ListAsync()
    {
        List<PoolStatus> all = await loop.ReadAsync(
            () => registry.Pools.Select(pool => pool.Status()).ToList());
        foreach (KnownPool pool in known.All)
        {
            if (all.Exists(open => open.Guid == pool.Guid)) continue;
            if (known.ReasonOf(pool.Guid) is { } reason) all.Add(PoolTexts.Unavailable(pool, reason));
        }
        return all.OrderBy(pool => pool.Name, StringComparer.Ordinal).ToArray();
    }

    public async Task<Outcome<PoolStatus>> GetAsync(string nameOrGuid)
    {
        Outcome<PoolStatus[]> all = await ListAsync();
        PoolStatus? found = all.Value.FirstOrDefault(
            pool => pool.Name == nameOrGuid || pool.Guid.ToString() == nameOrGuid);
        return found is null ? PoolTexts.NoSuchPool(nameOrGuid) : found;
    }

    public async Task<Outcome<ActionReport>> CreateAsync(CreatePoolRequest request)
    {
        if (Names.CheckPool(request.Name) is { } wrong)
        {
            return new Fault("bad-request", wrong, "Choose another name");
        }
        if (known.FindUnavailable(request.Name) is not null)
        {
            return new Fault(
                "pool-exists",
                $"a pool '{request.Name}' belongs to this daemon and is unavailable",
                $"Choose another name, or give that one up with: cstor pool export {request.Name}");
        }
        Outcome<VdevSpec[]> layout = LayoutReader.Read(request.Vdevs);
        if (!layout.IsOk) return layout.Fault;
        if (request.DryRun)
        {
            Outcome<CreationPlan> plan =
                await loop.CallAsync(() => registry.PlanAsync(request.Name, layout.Value, request.Force));
            return plan.IsOk ? PoolTexts.Planned(request.Name, plan.Value) : plan.Fault;
        }
        Outcome<OpenedPool> created = await loop.CallAsync<OpenedPool>(async () =>
        {
            Outcome<Pool> pool = await registry.CreateAsync(request.Name, layout.Value, request.Force);
            return pool.IsOk ? OpenedPool.Of(pool.Value) : pool.Fault;
        });
        if (!created.IsOk) return created.Fault;
        OpenedPool value = created.Value;
        known.Opened(new KnownPool(value.Guid, value.Name, value.Devices, ReadOnly: false));
        Created(value.Name, value.Guid, value.Devices.Length);
        return PoolTexts.Done(
            $"pool {value.Name} created: {ByteSize.Format(value.SizeBytes)} on "
                + PoolTexts.Count(value.Devices.Length, "device"));
    }

    public async Task<Outcome<ImportScanView>> ScanAsync(string[] search)
    {
        Outcome<ImportScan> scan = await loop.CallAsync(() => registry.ScanAsync(search));
        if (!scan.IsOk) return scan.Fault;
        HashSet<Guid> open = await loop.ReadAsync(() => registry.Pools.Select(pool => pool.Guid).ToHashSet());
        IEnumerable<ImportCandidate> others = scan.Value.Pools.Where(pool => !open.Contains(pool.Guid));
        return new ImportScanView(
            [.. others.Select(pool => PoolTexts.Describe(pool, host))],
            [.. scan.Value.Unusable.Select(device => $"{device.Path}: {device.Reason}")]);
    }

    public async Task<Outcome<ActionReport>> ImportAsync(ImportPoolRequest request)
    {
        Outcome<ImportCandidate> found = await starter.FindAsync(request.Pool, request.Search);
        if (!found.IsOk) return found.Fault;
        ImportCandidate pool = found.Value;
        if (request.DryRun)
        {
            string devices = string.Join(' ', PoolTexts.PathsOf(pool));
            return pool.Obstacle(host, request.ReadOnly, request.Force) is { } obstacle
                ? obstacle
                : PoolTexts.Would($"would import pool {pool.Name} ({pool.Guid}) from {devices}");
        }
        Outcome<OpenedPool> opened =
            await starter.OpenAsync(pool, request.ReadOnly, request.Force, request.Checkpoint);
        return opened.IsOk
            ? PoolTexts.Done(
                $"pool {opened.Value.Name} imported with "
                    + PoolTexts.Count(opened.Value.Volumes.Length, "volume"),
                [
                    .. PoolTexts.WentBack(request, opened.Value.Name),
                    .. PoolTexts.Gone(opened.Value.Status),
                ])
            : opened.Fault;
    }

    public async Task<Outcome<RewindPlan>> PlanRewindAsync(
        string nameOrGuid, string[] search, bool force, bool data)
    {
        Outcome<ImportCandidate> found = await starter.FindAsync(nameOrGuid, search);
        return found.IsOk
            ? await loop.CallAsync(() => registry.PlanRewindAsync(found.Value, force, data))
            : found.Fault;
    }

    public async Task<Outcome<ActionReport>> ExportAsync(string nameOrGuid, ChangeRequest request)
    {
        if (known.FindUnavailable(nameOrGuid) is not { } missing)
        {
            return await CloseAsync(nameOrGuid, request, isDestroy: false);
        }
        if (request.DryRun)
        {
            return PoolTexts.Would($"would give up pool {missing.Name}, which is unavailable");
        }
        known.GivenUp(missing.Guid);
        return PoolTexts.Done(
            $"pool {missing.Name} given up; it was unavailable, its devices are as they were");
    }

    public async Task<Outcome<ActionReport>> DestroyAsync(string nameOrGuid, ChangeRequest request)
    {
        if (known.FindUnavailable(nameOrGuid) is { } missing)
        {
            return new Fault(
                "pool-unavailable",
                $"pool {missing.Name} is unavailable and cannot be destroyed",
                "Import it first, or give it up with: cstor pool export " + missing.Name);
        }
        return await CloseAsync(nameOrGuid, request, isDestroy: true);
    }

    /// <summary>Closes all pools at the end of the process, to be opened again at the next start.</summary>
    public Task CloseAllAsync() => loop.CallAsync<Unit>(async () =>
    {
        await registry.CloseAllAsync();
        return Unit.Value;
    });

    /// <summary>Closes a pool behind its targets; if it refuses, they are offered again.</summary>
    private async Task<Outcome<ActionReport>> CloseAsync(
        string nameOrGuid, ChangeRequest request, bool isDestroy)
    {
        Outcome<Guid> target = await loop.CallAsync<Guid>(() => ValueTask.FromResult<Outcome<Guid>>(
            registry.Find(nameOrGuid) is { } pool ? pool.Guid : PoolTexts.NoSuchPool(nameOrGuid)));
        if (!target.IsOk) return target.Fault;
        string id = target.Value.ToString();
        Outcome<ActionReport> report = await loop.CallAsync(() => CloseOnLoopAsync(id, request, isDestroy));
        if (request.DryRun) return report;
        bool isOpen = await loop.ReadAsync(() => registry.Find(id) is not null);
        if (isOpen) await starter.ServeAllAsync(target.Value);
        else known.GivenUp(target.Value);
        if (report.IsOk) Closed(report.Value.Lines[0]);
        return report;
    }

    private async ValueTask<Outcome<ActionReport>> CloseOnLoopAsync(
        string id, ChangeRequest request, bool isDestroy)
    {
        if (registry.Find(id) is not { } pool) return PoolTexts.NoSuchPool(id);
        string subject = $"pool {pool.Name} with {PoolTexts.Contents(pool)}";
        Fault? obstacle = request.Force ? null : FindObstacle(pool, isDestroy);
        if (obstacle is not null) return obstacle;
        if (request.DryRun) return PoolTexts.Would($"would {(isDestroy ? "destroy" : "export")} {subject}");
        if (request.Force) pool.Hurry();
        await groups.YieldAsync(pool);
        await targets.RemoveAllAsync(pool);
        await groups.CloseAsync(pool);
        Outcome<Unit> closed = isDestroy
            ? await registry.DestroyAsync(pool.Name)
            : await registry.ExportAsync(pool.Name, request.Force);
        return closed.IsOk
            ? PoolTexts.Done($"{(isDestroy ? "destroyed" : "exported")} {subject}")
            : closed.Fault;
    }

    private Fault? FindObstacle(Pool pool, bool isDestroy)
    {
        foreach (Volume volume in pool.Volumes)
        {
            if (targets.FindUse(pool, volume) is { } use) return use;
        }
        return isDestroy && pool.Volumes.Count > 0
            ? new Fault(
                "pool-not-empty",
                $"pool {pool.Name} has {PoolTexts.Contents(pool)}",
                "Destroy the volumes first, or insist with -f")
            : null;
    }

    [LoggerMessage(
        Level = LogLevel.Information, Message = "pool {Pool} ({Guid}) created on {Devices} devices")]
    private partial void Created(string pool, Guid guid, int devices);

    [LoggerMessage(Level = LogLevel.Information, Message = "{What}")]
    private partial void Closed(string what);
}
