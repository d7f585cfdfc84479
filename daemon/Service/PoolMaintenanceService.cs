using Cstor.Daemon.Api;
using Cstor.Daemon.State;
using Cstor.Engine.Checking;
using Cstor.Engine.Host;
using Cstor.Engine.Host.Linux;
using Cstor.Engine.Pools;
using Cstor.Engine.Vdevs;
using Microsoft.Extensions.Logging;

namespace Cstor.Daemon.Service;

/// <summary>
/// What is done to the devices of an open pool: adding, attaching, replacing, taking out and bringing back;
/// scrub and check. Called from any thread.
/// </summary>
internal sealed partial class PoolMaintenanceService(
    LinuxLoop loop, PoolRegistry registry, KnownPools known, ILogger logger)
{
    private readonly Lock _gate = new();
    private readonly HashSet<Guid> _checking = [];

    public async Task<Outcome<ActionReport>> AddAsync(string nameOrGuid, AddVdevsRequest request)
    {
        Outcome<VdevSpec[]> layout = LayoutReader.Read(request.Vdevs);
        if (!layout.IsOk) return layout.Fault;
        Outcome<PoolStatus> before = await StatusAsync(nameOrGuid);
        if (!before.IsOk) return before.Fault;
        PoolStatus pool = before.Value;
        if (!request.Force && RedundancyGuard.Check(pool, layout.Value) is { } weaker) return weaker;
        Outcome<CreationPlan> plan = await CallAsync(
            pool, open => open.AddAsync(layout.Value, request.Force, request.DryRun));
        if (!plan.IsOk) return plan.Fault;
        string[] lines = PoolTexts.PlanLines(plan.Value);
        if (request.DryRun) return PoolTexts.Would($"would add to pool {pool.Name}:", lines);
        await RememberAsync(pool.Guid);
        return await DoneAsync(pool.Guid, $"added to pool {pool.Name}:", lines);
    }

    public async Task<Outcome<ActionReport>> AttachAsync(string nameOrGuid, AttachDeviceRequest request)
    {
        if (!Path.IsPathFullyQualified(request.NewDevice)) return NotAbsolute(request.NewDevice);
        return await ChangeDeviceAsync(
            nameOrGuid,
            request.Device,
            (pool, device) => pool.AttachAsync(device, request.NewDevice, request.Force),
            (pool, device) => $"{request.NewDevice} attached to {device} in pool {pool}");
    }

    public Task<Outcome<ActionReport>> DetachAsync(string nameOrGuid, DeviceRequest request) =>
        ChangeDeviceAsync(
            nameOrGuid,
            request.Device,
            (pool, device) => pool.DetachAsync(device),
            (pool, device) => $"{device} detached from pool {pool}");

    public async Task<Outcome<ActionReport>> ReplaceAsync(string nameOrGuid, ReplaceDeviceRequest request)
    {
        if (request.NewDevice is { } path && !Path.IsPathFullyQualified(path)) return NotAbsolute(path);
        string by = request.NewDevice ?? "the new device under its path";
        return await ChangeDeviceAsync(
            nameOrGuid,
            request.Device,
            (pool, device) => pool.ReplaceAsync(device, request.NewDevice, request.Force),
            (pool, device) => $"{device} of pool {pool} is being replaced by {by}");
    }

    public Task<Outcome<ActionReport>> OfflineAsync(string nameOrGuid, DeviceRequest request) =>
        ChangeDeviceAsync(
            nameOrGuid,
            request.Device,
            (pool, device) => pool.OfflineAsync(device),
            (pool, device) => $"{device} of pool {pool} is offline");

    public Task<Outcome<ActionReport>> OnlineAsync(string nameOrGuid, DeviceRequest request) =>
        ChangeDeviceAsync(
            nameOrGuid,
            request.Device,
            (pool, device) => pool.OnlineAsync(device),
            (pool, device) => $"{device} of pool {pool} is online");

    public async Task<Outcome<ActionReport>> ClearAsync(string nameOrGuid, ClearRequest request)
    {
        if (request.Device is { } one)
        {
            return await ChangeDeviceAsync(
                nameOrGuid,
                one,
                (pool, device) => pool.ClearAsync(device),
                (pool, device) => $"errors of {device} in pool {pool} cleared");
        }
        Outcome<PoolStatus> pool = await StatusAsync(nameOrGuid);
        if (!pool.IsOk) return pool.Fault;
        Outcome<Unit> cleared = await CallAsync(pool.Value, open => open.ClearAsync(null));
        return cleared.IsOk
            ? await DoneAsync(pool.Value.Guid, $"errors of pool {pool.Value.Name} cleared")
            : cleared.Fault;
    }

    public async Task<Outcome<ActionReport>> ScrubAsync(string nameOrGuid, ScrubRequest request)
    {
        (ScrubCommand Command, string Done)? asked = request.Command switch
        {
            ScrubRequest.Start => (ScrubCommand.Start, "scrub of pool {0} is running"),
            ScrubRequest.Pause => (ScrubCommand.Pause, "scrub of pool {0} is paused"),
            ScrubRequest.Stop => (ScrubCommand.Stop, "scrub of pool {0} is stopped"),
            _ => null,
        };
        if (asked is not { } scrub)
        {
            return new Fault(
                "bad-request", $"a scrub cannot '{request.Command}'", "Known are start, pause and stop");
        }
        Outcome<PoolStatus> pool = await StatusAsync(nameOrGuid);
        if (!pool.IsOk) return pool.Fault;
        Outcome<Unit> done = await CallAsync(pool.Value, open => open.ScrubAsync(scrub.Command));
        if (!done.IsOk) return done.Fault;
        string line = scrub.Done.Replace("{0}", pool.Value.Name, StringComparison.Ordinal);
        Changed(line);
        return PoolTexts.Done(line);
    }

    /// <summary>One check of a pool at a time: each of them reads all of it.</summary>
    public async Task<Outcome<CheckView>> CheckAsync(string nameOrGuid)
    {
        Outcome<PoolStatus> pool = await StatusAsync(nameOrGuid);
        if (!pool.IsOk) return pool.Fault;
        lock (_gate)
        {
            if (!_checking.Add(pool.Value.Guid))
            {
                return new Fault(
                    "check-running", $"a check of pool {pool.Value.Name} is under way", "Let it end first");
            }
        }
        try
        {
            Outcome<CheckReport> report = await CallAsync(pool.Value, open => open.CheckAsync());
            return report.IsOk ? PoolTexts.Checked(pool.Value.Name, report.Value) : report.Fault;
        }
        finally
        {
            lock (_gate) _checking.Remove(pool.Value.Guid);
        }
    }

    /// <summary>
    /// Changes what a device is to its pool; then notes where the pool's devices are, for the next start.
    /// </summary>
    private async Task<Outcome<ActionReport>> ChangeDeviceAsync(
        string nameOrGuid,
        string typed,
        Func<Pool, string, ValueTask<Outcome<Unit>>> change,
        Func<string, string, string> describe)
    {
        if (typed.Length == 0) return new Fault("bad-request", "a device name is empty", "Name one");
        Outcome<PoolStatus> pool = await StatusAsync(nameOrGuid);
        if (!pool.IsOk) return pool.Fault;
        string device = MemberPaths.Resolve(pool.Value.Vdevs, typed);
        Outcome<Unit> changed = await CallAsync(pool.Value, open => change(open, device));
        if (!changed.IsOk) return changed.Fault;
        await RememberAsync(pool.Value.Guid);
        return await DoneAsync(pool.Value.Guid, describe(pool.Value.Name, device));
    }

    private async Task<Outcome<PoolStatus>> StatusAsync(string nameOrGuid)
    {
        PoolStatus? status = await loop.ReadAsync(() => registry.Find(nameOrGuid)?.Status());
        if (status is not null) return status;
        return known.FindUnavailable(nameOrGuid) is { } missing
            ? new Fault(
                "pool-unavailable",
                $"pool {missing.Name} is not open: {known.ReasonOf(missing.Guid)}",
                "See: cstor pool status " + missing.Name)
            : PoolTexts.NoSuchPool(nameOrGuid);
    }

    private Task<Outcome<T>> CallAsync<T>(PoolStatus pool, Func<Pool, ValueTask<Outcome<T>>> function)
    {
        string id = pool.Guid.ToString();
        return loop.CallAsync(() => registry.Find(id) is { } open
            ? function(open)
            : ValueTask.FromResult<Outcome<T>>(PoolTexts.NoSuchPool(pool.Name)));
    }

    private async Task RememberAsync(Guid guid)
    {
        string id = guid.ToString();
        KnownPool? pool = await loop.ReadAsync(() => registry.Find(id) is { } open
            ? new KnownPool(guid, open.Name, [.. open.DevicePaths], open.IsReadOnly)
            : null);
        if (pool is not null) known.Opened(pool);
    }

    /// <summary>What was done, and how the pool is now if there is more to say.</summary>
    private async Task<ActionReport> DoneAsync(Guid guid, string summary, params string[] details)
    {
        Changed(summary);
        string id = guid.ToString();
        PoolStatus? after = await loop.ReadAsync(() => registry.Find(id)?.Status());
        return PoolTexts.Done(summary, [.. details, .. PoolTexts.Aftermath(after)]);
    }

    private static Fault NotAbsolute(string path) =>
        new("bad-request", $"'{path}' is not an absolute path", "Write one");

    [LoggerMessage(Level = LogLevel.Information, Message = "{What}")]
    private partial void Changed(string what);
}
