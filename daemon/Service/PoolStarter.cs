using Cstor.Daemon.Replicas;
using Cstor.Daemon.State;
using Cstor.Engine.Host;
using Cstor.Engine.Host.Linux;
using Cstor.Engine.Pools;
using Cstor.Engine.Vdevs;
using Cstor.Target;
using Microsoft.Extensions.Logging;

namespace Cstor.Daemon.Service;

/// <summary>
/// Opens pools and offers their volumes: on request, and at the start of the daemon those that were open
/// before. Called from any thread. One pool that cannot be opened keeps no other from it.
/// </summary>
internal sealed partial class PoolStarter(
    LinuxLoop loop, PoolRegistry registry, VolumeTargets targets, ReplicaGroups groups, KnownPools known,
    ILogger logger)
{
    private const string OpeningCode = "pool-opening";

    /// <summary>
    /// Opens what was open before. A pool that cannot be opened stays known, with the reason.
    /// </summary>
    public Task RestoreAsync()
    {
        KnownPool[] pools = known.All;
        foreach (KnownPool pool in pools)
        {
            known.Missed(pool.Guid, new Fault(OpeningCode, "it is being opened"));
        }
        return Task.WhenAll(pools.Select(RestoreAsync));
    }

    /// <summary>
    /// Opens what could not be opened before, if its devices are there now; what still cannot be is no news.
    /// </summary>
    public async Task RetryAsync()
    {
        foreach (KnownPool pool in known.All)
        {
            if (known.ReasonOf(pool.Guid) is not { } reason || reason.Code == OpeningCode) continue;
            Outcome<ImportCandidate> candidate = await LookUpAsync(pool);
            if (!candidate.IsOk) continue;
            Outcome<OpenedPool> opened = await OpenAsync(candidate.Value, pool.ReadOnly, force: false);
            if (!opened.IsOk) known.Missed(pool.Guid, opened.Fault);
        }
    }

    /// <summary>Opens a pool that was found and offers its volumes.</summary>
    public async Task<Outcome<OpenedPool>> OpenAsync(
        ImportCandidate candidate, bool readOnly, bool force, ulong checkpoint = 0)
    {
        Outcome<OpenedPool> opened = await loop.CallAsync<OpenedPool>(async () =>
        {
            Outcome<Pool> pool = await registry.ImportAsync(candidate, readOnly, force, checkpoint);
            return pool.IsOk ? OpenedPool.Of(pool.Value) : pool.Fault;
        });
        if (!opened.IsOk) return opened;
        OpenedPool value = opened.Value;
        known.Opened(new KnownPool(value.Guid, value.Name, value.Devices, readOnly));
        Imported(value.Name, value.Guid, value.Volumes.Length);
        await ServeAllAsync(value.Guid);
        return opened;
    }

    /// <summary>Offers every volume of an open pool.</summary>
    public async Task ServeAllAsync(Guid guid)
    {
        string id = guid.ToString();
        VolumeStatus[] volumes = await loop.ReadAsync(
            () => registry.Find(id)?.Volumes.Select(volume => volume.Status()).ToArray() ?? []);
        foreach (VolumeStatus volume in volumes) await ServeAsync(id, volume);
    }

    /// <summary>
    /// Reads the secrets of all volumes again. One that cannot be read any more leaves its volume as it is:
    /// who is logged in has proved himself.
    /// </summary>
    public async Task ReadSecretsAsync()
    {
        (string Pool, VolumeStatus Volume)[] all = await loop.ReadAsync(() => registry.Pools.SelectMany(
            pool => pool.Volumes.Select(volume => (pool.Guid.ToString(), volume.Status()))).ToArray());
        foreach ((string pool, VolumeStatus volume) in all)
        {
            Outcome<ChapSettings?> chap =
                ChapSecrets.Read(new Dictionary<string, string>(volume.Properties));
            if (!chap.IsOk) SecretNotRead(volume.Name, chap.Fault.ToString());
            else if (chap.Value is not null) await ServeAsync(pool, volume);
        }
    }

    /// <summary>
    /// Offers one volume as its properties say; one that is a replica begins to take part before, whether or
    /// not it can be offered. The secret is read here, off the loop.
    /// </summary>
    public Task<Outcome<Unit>> ServeAsync(string pool, VolumeStatus volume)
    {
        Outcome<ChapSettings?> chap = ChapSecrets.Read(new Dictionary<string, string>(volume.Properties));
        string shortName = volume.Name[(volume.Name.IndexOf('/', StringComparison.Ordinal) + 1)..];
        return loop.CallAsync<Unit>(async () =>
        {
            if (registry.Find(pool) is not { } open || open.FindVolume(shortName) is not { } found)
                return Unit.Value;
            _ = await groups.OpenAsync(open, found);
            return await targets.ServeAsync(open, found, chap);
        });
    }

    /// <summary>The one pool of that name or guid on the given devices and directories.</summary>
    public async Task<Outcome<ImportCandidate>> FindAsync(string nameOrGuid, string[] search)
    {
        Outcome<ImportScan> scan = await loop.CallAsync(() => registry.ScanAsync(search));
        if (!scan.IsOk) return scan.Fault;
        ImportCandidate[] found =
        [
            .. scan.Value.Pools.Where(pool => pool.Name == nameOrGuid || pool.Guid.ToString() == nameOrGuid),
        ];
        return found.Length switch
        {
            1 => found[0],
            0 => new Fault(
                "no-such-pool",
                $"no pool '{nameOrGuid}' was found on the devices of this machine",
                "Look elsewhere with -d DIR, or list what there is with: cstor pool import"),
            _ => new Fault(
                "pool-ambiguous",
                $"several pools have the name '{nameOrGuid}'",
                $"Import one by its guid: {string.Join(' ', found.Select(pool => pool.Guid))}"),
        };
    }

    private async Task RestoreAsync(KnownPool pool)
    {
        foreach (string device in pool.Devices) await WaitUntilFreeAsync(device);
        Outcome<ImportCandidate> candidate = await LookUpAsync(pool);
        Outcome<OpenedPool> opened = candidate.IsOk
            ? await OpenAsync(candidate.Value, pool.ReadOnly, force: false)
            : candidate.Fault;
        if (opened.IsOk) return;
        known.Missed(pool.Guid, opened.Fault);
        NotRestored(pool.Name, pool.Guid, opened.Fault.ToString());
    }

    /// <summary>What else is wrong with the device shows when the pool is opened.</summary>
    private Task<Outcome<Unit>> WaitUntilFreeAsync(string device) => Predecessor.OutlastAsync(
        "device-in-use",
        () => loop.CallAsync<Unit>(async () =>
        {
            Outcome<IDisk> opened = await loop.Disks.OpenAsync(device, DiskAccess.ReadWrite);
            if (!opened.IsOk) return opened.Fault;
            await opened.Value.CloseAsync();
            return Unit.Value;
        }));

    /// <summary>Where its devices were, then everywhere: names of devices change between boots.</summary>
    private async Task<Outcome<ImportCandidate>> LookUpAsync(KnownPool pool)
    {
        string guid = pool.Guid.ToString();
        string[] hints = [.. pool.Devices.Where(Path.Exists)];
        if (hints.Length > 0)
        {
            Outcome<ImportCandidate> near = await FindAsync(guid, hints);
            if (near.IsOk && !near.Value.Missing.Any()) return near;
        }
        IEnumerable<string> folders = pool.Devices
            .Where(path => !path.StartsWith("/dev/", StringComparison.Ordinal))
            .Select(path => Path.GetDirectoryName(path)!)
            .Where(Directory.Exists);
        Outcome<ImportCandidate> far = await FindAsync(guid, ["", .. folders.Distinct()]);
        return far.IsOk || far.Fault.Code != "no-such-pool"
            ? far
            : new Fault(
                "device-missing",
                $"none of its devices was found; they were {string.Join(", ", pool.Devices)}",
                $"Attach them, then: cstor pool import {pool.Name}");
    }

    [LoggerMessage(
        Level = LogLevel.Information, Message = "pool {Pool} ({Guid}) imported with {Volumes} volumes")]
    private partial void Imported(string pool, Guid guid, int volumes);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Volume} keeps the secret that it had: {Reason}")]
    private partial void SecretNotRead(string volume, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "pool {Pool} ({Guid}) is unavailable: {Reason}")]
    private partial void NotRestored(string pool, Guid guid, string reason);
}
