using Cstor.Daemon.Api;
using Cstor.Daemon.Vocabulary;
using Cstor.Engine.Host;
using Cstor.Engine.Host.Linux;
using Cstor.Engine.Pools;
using Cstor.Engine.Volumes;
using Cstor.PoolLayout.Units;
using Cstor.Target;
using Microsoft.Extensions.Logging;

namespace Cstor.Daemon.Service;

/// <summary>
/// Volumes as the administrator sees them, in step with their targets. Called from any thread.
/// </summary>
internal sealed partial class VolumeService(
    LinuxLoop loop, PoolRegistry registry, VolumeTargets targets, PoolStarter starter, ILogger logger)
{
    public Task<Outcome<VolumeView[]>> ListAsync(string? pool) => loop.CallAsync(() =>
    {
        if (pool is not null && registry.Find(pool) is null)
        {
            return ValueTask.FromResult<Outcome<VolumeView[]>>(PoolTexts.NoSuchPool(pool));
        }
        List<VolumeView> all = [];
        foreach (Pool open in registry.Pools)
        {
            if (pool is not null && open.Name != pool && open.Guid.ToString() != pool) continue;
            all.AddRange(open.Volumes.Select(volume => Describe(open, volume)));
        }
        all.Sort((first, second) => string.CompareOrdinal(first.Name, second.Name));
        return ValueTask.FromResult<Outcome<VolumeView[]>>(all.ToArray());
    });

    public Task<Outcome<VolumeView>> GetAsync(string pool, string volume) => loop.CallAsync(() =>
    {
        Fault? fault = Find(pool, volume, out Pool? open, out Volume? found);
        return ValueTask.FromResult<Outcome<VolumeView>>(fault is null ? Describe(open!, found!) : fault);
    });

    public async Task<Outcome<ActionReport>> CreateAsync(CreateVolumeRequest request)
    {
        if (Names.CheckVolume(request.Volume) is { } wrong)
        {
            return new Fault("bad-request", wrong, "Choose another name");
        }
        if (CheckProperties(request.Properties) is { } bad) return bad;
        if (PropertyRules.CheckTogether(request.Properties) is { } unfit) return unfit;
        Outcome<ChapSettings?> chap = ChapSecrets.Read(request.Properties);
        if (!chap.IsOk) return chap.Fault;
        string name = $"{request.Pool}/{request.Volume}";
        string size = ByteSize.Format(request.SizeBytes);
        Outcome<VolumeStatus?> created = await loop.CallAsync(() => CreateOnLoopAsync(request, chap));
        if (!created.IsOk) return created.Fault;
        if (created.Value is not { } volume) return PoolTexts.Would($"would create volume {name} of {size}");
        Created(volume.Name, volume.SizeBytes, volume.BlockSizeBytes);
        return PoolTexts.Done(
            $"volume {volume.Name} created: {ByteSize.Format(volume.SizeBytes)}, "
                + $"blocks of {ByteSize.Format(volume.BlockSizeBytes)}, "
                + $"target {Names.Target(request.Pool, request.Volume)}");
    }

    public async Task<Outcome<ActionReport>> DestroyAsync(string pool, string volume, ChangeRequest request)
    {
        VolumeStatus? before = null;
        Outcome<ActionReport> report = await loop.CallAsync<ActionReport>(async () =>
        {
            if (Find(pool, volume, out Pool? open, out Volume? found) is { } fault) return fault;
            if (!request.Force && targets.FindUse(open!, found!) is { } busy) return busy;
            string subject = $"volume {found!.Name} of {ByteSize.Format(found.SizeBytes)}, "
                + $"{ByteSize.Format(found.Status().ReferencedBytes)} used";
            if (request.DryRun) return PoolTexts.Would($"would destroy {subject}");
            before = found.Status();
            await targets.RemoveAsync(open!, volume);
            Outcome<Unit> destroyed = await open!.DestroyVolumeAsync(volume);
            return destroyed.IsOk ? PoolTexts.Done($"destroyed {subject}") : destroyed.Fault;
        });
        if (report.IsOk && !request.DryRun) Changed(report.Value.Lines[0]);
        else if (before is not null) await starter.ServeAsync(pool, before);
        return report;
    }

    public async Task<Outcome<ActionReport>> ResizeAsync(
        string pool, string volume, ResizeVolumeRequest request)
    {
        Outcome<ActionReport> report = await loop.CallAsync<ActionReport>(async () =>
        {
            if (Find(pool, volume, out Pool? open, out Volume? found) is { } fault) return fault;
            string from = ByteSize.Format(found!.SizeBytes);
            if (request.SizeBytes < found.SizeBytes && !request.Force)
            {
                return new Fault(
                    "volume-shrink",
                    $"{found.Name} would shrink from {from} to {ByteSize.Format(request.SizeBytes)}; "
                        + "what lies behind the new end would be lost",
                    "Shrink the file system first, then insist with -f");
            }
            Outcome<Unit> resized = await open!.ResizeVolumeAsync(volume, request.SizeBytes);
            if (!resized.IsOk) return resized.Fault;
            targets.CapacityChanged(open, volume);
            return PoolTexts.Done(
                $"volume {found.Name} resized from {from} to {ByteSize.Format(found.SizeBytes)}");
        });
        if (report.IsOk) Changed(report.Value.Lines[0]);
        return report;
    }

    public async Task<Outcome<ActionReport>> SetPropertiesAsync(
        string pool, string volume, SetPropertiesRequest request)
    {
        if (CheckProperties(request.Properties) is { } bad) return bad;
        Outcome<VolumeStatus> before = await loop.CallAsync(() =>
        {
            Fault? fault = Find(pool, volume, out _, out Volume? found);
            return ValueTask.FromResult<Outcome<VolumeStatus>>(fault is null ? found!.Status() : fault);
        });
        if (!before.IsOk) return before.Fault;
        Dictionary<string, string> after = new(before.Value.Properties);
        foreach ((string name, string value) in request.Properties) after[name] = value;
        bool asksForLogin = request.Properties.Keys.Any(PropertyRules.IsOfDaemon);
        Outcome<ChapSettings?> chap = ChapSecrets.Read(after);
        if (asksForLogin && !chap.IsOk) return chap.Fault;
        Outcome<ActionReport> report = await loop.CallAsync<ActionReport>(async () =>
        {
            if (Find(pool, volume, out Pool? open, out Volume? found) is { } fault) return fault;
            foreach ((string name, string value) in request.Properties)
            {
                Outcome<Unit> set = await open!.SetPropertyAsync(volume, name, value);
                if (!set.IsOk) return set.Fault;
            }
            Outcome<Unit> served = asksForLogin ? await targets.ServeAsync(open!, found!, chap) : Unit.Value;
            return served.IsOk
                ? new ActionReport(
                    false, [.. request.Properties.Select(property => $"{found!.Name}: {Text(property)}")])
                : served.Fault;
        });
        if (!report.IsOk) return report;
        foreach (string line in report.Value.Lines) Changed(line);
        return report;
    }

    private async ValueTask<Outcome<VolumeStatus?>> CreateOnLoopAsync(
        CreateVolumeRequest request, Outcome<ChapSettings?> chap)
    {
        if (registry.Find(request.Pool) is not { } pool) return PoolTexts.NoSuchPool(request.Pool);
        if (pool.FindVolume(request.Volume) is { } existing)
        {
            return new Fault("volume-exists", $"{existing.Name} exists already", "Choose another name");
        }
        if (request.DryRun) return Outcome<VolumeStatus?>.Ok(null);
        Outcome<Volume> created = await pool.CreateVolumeAsync(
            request.Volume, request.SizeBytes, request.BlockSizeBytes, [.. request.Properties]);
        if (!created.IsOk) return created.Fault;
        // Not being served is no reason to say that the volume is not there: it is shown as its problem.
        _ = await targets.ServeAsync(pool, created.Value, chap);
        return created.Value.Status();
    }

    private Fault? Find(string pool, string volume, out Pool? open, out Volume? found)
    {
        found = null;
        open = registry.Find(pool);
        if (open is null) return PoolTexts.NoSuchPool(pool);
        found = open.FindVolume(volume);
        return found is null
            ? new Fault("no-such-volume", $"there is no volume '{pool}/{volume}'", "See: cstor volume list")
            : null;
    }

    private VolumeView Describe(Pool pool, Volume volume)
    {
        VolumeStatus status = volume.Status();
        string iqn = Names.Target(pool.Name, volume.ShortName);
        return new VolumeView(
            status.Name,
            status.Id,
            status.SizeBytes,
            status.BlockSizeBytes,
            status.ReferencedBytes,
            status.LogicalBytes,
            status.CreatedAt,
            status.State,
            new SortedDictionary<string, string>(
                status.Properties.ToDictionary(property => property.Key, property => property.Value),
                StringComparer.Ordinal),
            iqn,
            targets.ProblemOf(iqn)?.ToString() ?? "",
            targets.SessionsOf(iqn).Count);
    }

    private static Fault? CheckProperties(Dictionary<string, string> properties)
    {
        foreach ((string name, string value) in properties)
        {
            if (PropertyRules.Check(name, value) is { } fault) return fault;
        }
        return null;
    }

    private static string Text(KeyValuePair<string, string> property) =>
        property.Value.Length == 0
            ? $"{property.Key} back to its default"
            : $"{property.Key}={property.Value}";

    [LoggerMessage(
        Level = LogLevel.Information, Message = "volume {Volume} created: {Size} bytes, blocks of {Block}")]
    private partial void Created(string volume, long size, int block);

    [LoggerMessage(Level = LogLevel.Information, Message = "{What}")]
    private partial void Changed(string what);
}
