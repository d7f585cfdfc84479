// A check of a pool that no daemon has open. Nothing is written and the log is replayed in memory only, so it
// may be run on what a crash left behind, before anything else touches it. Reading takes no lock, so for the
// time of the check each device is also held as one who writes would hold it: a daemon that has the pool open
// is noticed, and none opens it meanwhile. A device that one may only read cannot be held; it is read.
using Cstor.Daemon.Api;
using Cstor.Engine.Checking;
using Cstor.Engine.Host;
using Cstor.Engine.Host.Linux;
using Cstor.Engine.Pools;
using Cstor.Engine.Vdevs;
using Cstor.PoolLayout.Labels;
using Microsoft.Extensions.Logging.Abstractions;

namespace Cstor.Daemon.Service;

/// <summary><c>cstor pool check -d</c>: verifies a whole pool without a daemon.</summary>
internal static class OfflineCheck
{
    private const long BufferLimitBytes = 64L * 1024 * 1024;

    /// <param name="nameOrGuid">The pool; null: the only one there is.</param>
    /// <param name="places">Directories and devices to look at.</param>
    public static async Task<Outcome<CheckView>> RunAsync(string? nameOrGuid, string[] places)
    {
        if (ProcessorCheck.Verify() is { } lacking) return lacking;
        Outcome<LinuxLoop> started = LinuxLoop.Start(
            new LinuxLoopOptions { BufferLimitBytes = BufferLimitBytes });
        if (!started.IsOk) return started.Fault;
        using LinuxLoop loop = started.Value;
        PoolRegistry registry = new(loop, NullLoggerFactory.Instance, new PoolOptions());
        return await loop.CallAsync(() => CheckAsync(loop, registry, nameOrGuid, places));
    }

    private static async ValueTask<Outcome<CheckView>> CheckAsync(
        LinuxLoop loop, PoolRegistry registry, string? nameOrGuid, string[] places)
    {
        Outcome<ImportScan> scan = await registry.ScanAsync(places);
        if (!scan.IsOk) return scan.Fault;
        Outcome<ImportCandidate> found = Choose(scan.Value, nameOrGuid, places);
        if (!found.IsOk) return found.Fault;
        List<IDisk> held = [];
        Fault? inUse = await HoldAsync(loop, found.Value, held);
        Outcome<CheckView> check = inUse is null ? await CheckAsync(registry, found.Value) : inUse;
        foreach (IDisk disk in held) await disk.CloseAsync();
        return check;
    }

    private static async ValueTask<Fault?> HoldAsync(LinuxLoop loop, ImportCandidate pool, List<IDisk> held)
    {
        foreach (string path in PoolTexts.PathsOf(pool))
        {
            Outcome<IDisk> disk = await loop.Disks.OpenAsync(path, DiskAccess.ReadWrite);
            if (disk.IsOk) held.Add(disk.Value);
            else if (disk.Fault.Code == "device-in-use")
            {
                return disk.Fault with
                {
                    Remedy = $"If a daemon has it open, ask that one: cstor pool check {pool.Name}",
                };
            }
        }
        return null;
    }

    private static async ValueTask<Outcome<CheckView>> CheckAsync(
        PoolRegistry registry, ImportCandidate candidate)
    {
        // Force: whoever had it last, reading it harms nothing; the note says what it may do to the result.
        Outcome<Pool> opened = await registry.ImportAsync(candidate, readOnly: true, force: true);
        if (!opened.IsOk) return opened.Fault;
        CheckReport report = await PoolChecker.CheckAsync(opened.Value);
        string[] notes = [.. Notes(candidate)];
        await registry.CloseAllAsync();
        return PoolTexts.Checked(candidate.Name, report, notes);
    }

    private static IEnumerable<string> Notes(ImportCandidate pool)
    {
        if (pool.State == PoolState.Active)
        {
            yield return $"pool {pool.Name} was not exported by host '{pool.Label.HostName}'; if that host "
                + "uses it now, problems may be none";
        }
        foreach (FoundDevice missing in pool.Missing)
        {
            yield return $"{missing.Config.Path} (guid {missing.Config.Guid}) was not found and not checked";
        }
    }

    private static Outcome<ImportCandidate> Choose(ImportScan scan, string? nameOrGuid, string[] places)
    {
        ImportCandidate[] found =
        [
            .. scan.Pools.Where(pool =>
                nameOrGuid is null || pool.Name == nameOrGuid || pool.Guid.ToString() == nameOrGuid),
        ];
        string where = string.Join(' ', places);
        return found.Length switch
        {
            1 => found[0],
            0 => new Fault(
                "no-such-pool",
                nameOrGuid is null ? $"no pool was found on {where}"
                    : $"no pool '{nameOrGuid}' was found on {where}",
                "Name the devices of the pool, or their directories, with -d"),
            _ => new Fault(
                "pool-ambiguous",
                $"several pools were found on {where}",
                $"Name one: {string.Join(' ', found.Select(pool => $"{pool.Name} ({pool.Guid})"))}"),
        };
    }
}
