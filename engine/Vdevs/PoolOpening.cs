// Opens the devices of a pool that a scan found, by guid, whatever their paths are now. Between the scan and
// the exclusive open a device may have changed hands, so its labels are read again. A mirror goes on without
// a device that is missing or cannot be opened; it is recorded as missing before anything is acknowledged
// (see PoolDevices). Nothing is written here.
using Cstor.Engine.Host;
using Cstor.PoolLayout.Labels;
using Microsoft.Extensions.Logging;

namespace Cstor.Engine.Vdevs;

internal static partial class PoolOpening
{
    public static async ValueTask<Outcome<PoolDevices>> OpenAsync(
        ILoop loop, ILogger log, HostIdentity host, ImportCandidate candidate, bool readOnly, bool force)
    {
        if (candidate.Obstacle(host, readOnly, force) is { } obstacle) return obstacle;
        List<PoolDevice> devices = [];
        List<FoundDevice> seen = [];
        List<string> reasons = [];
        foreach (FoundDevice found in candidate.Devices)
        {
            (PoolDevice device, string? reason) = await OpenDeviceAsync(loop, candidate, found, readOnly);
            devices.Add(device);
            seen.Add(device.IsPresent || found.Device is null ? found : found with { Device = null });
            if (reason is null) continue;
            reasons.Add(reason);
            LogMissing(log, candidate.Name, found.Position, reason);
        }

        // With what could really be opened; the first obstacle had only the scan to go by.
        if ((candidate with { Devices = seen }).Obstacle(host, readOnly, force) is { } lack)
        {
            foreach (PoolDevice device in devices) await device.CloseAsync();
            return lack with { Message = $"{lack.Message}: {string.Join("; ", reasons)}" };
        }

        Membership membership = new(log);
        List<Vdev> vdevs = [];
        foreach (VdevConfig config in candidate.Label.Vdevs)
        {
            HashSet<Guid> members = [.. config.Disks.Select(disk => disk.Guid)];
            vdevs.Add(
                Vdev.Create(config, [.. devices.Where(device => members.Contains(device.Guid))], membership));
        }

        PoolLabel label = candidate.Label;
        PoolIdentity identity =
            new(label.PoolName, label.PoolGuid, host, label.Features, label.WriteFeatures);
        PoolState state = readOnly ? label.State : PoolState.Active;
        if (!readOnly) membership.Touch();
        return new PoolDevices(
            loop, log, identity, membership, [.. vdevs], state, label.Generation, readOnly);
    }

    private static async ValueTask<(PoolDevice Device, string? Reason)> OpenDeviceAsync(
        ILoop loop, ImportCandidate candidate, FoundDevice found, bool readOnly)
    {
        VdevConfig config = found.Config;
        if (found.Device is null)
            return (new PoolDevice(config, null), $"{Name(config)} was not found");

        // A device that lacks blocks is left alone until somebody brings it up to date.
        if (!config.IsCurrent)
        {
            string why = config.MissingFrom == 0
                ? "was taken out"
                : $"lacks blocks born from epoch {config.MissingFrom} on";
            return (new PoolDevice(config, null), $"{found.Device.Path} {why}");
        }

        DiskAccess access = readOnly ? DiskAccess.ReadOnly : DiskAccess.ReadWrite;
        Outcome<IDisk> opened = await loop.Disks.OpenAsync(found.Device.Path, access);
        if (!opened.IsOk) return (new PoolDevice(config, null), opened.Fault.Message);
        IReadOnlyList<LabelFinding> labels = await LabelStore.ReadAsync(opened.Value, loop.Buffers);
        PoolLabel? label = LabelStore.Newest(labels);
        string? reason = null;
        if (label is null || label.PoolGuid != candidate.Guid || label.DeviceGuid != config.Guid)
            reason = $"{found.Device.Path} has changed since the scan";
        else if (label.Generation > candidate.Label.Generation)
            reason = $"{found.Device.Path} has a newer configuration than the scan found";
        else if (LabelBlock.DataSectors(opened.Value.SizeBytes) < config.SizeSectors)
            reason = $"{found.Device.Path} has shrunk";
        if (reason is null) return (new PoolDevice(config, opened.Value) { Labels = labels }, null);
        await opened.Value.CloseAsync();
        return (new PoolDevice(config, null), reason);
    }

    private static string Name(VdevConfig config) =>
        config.Path.Length == 0 ? $"device {config.Guid}" : config.Path;

    [LoggerMessage(
        Level = LogLevel.Warning, Message = "pool {Pool}: goes on without vdev {Position}: {Reason}")]
    private static partial void LogMissing(ILogger log, string pool, string position, string reason);
}
