// Opens the devices of a pool that a scan found, by guid, whatever their paths are now. Between the scan and
// the exclusive open a device may have changed hands, so its labels are read again. A vdev with redundancy
// goes on without a device that is missing or cannot be opened; it is recorded as missing before anything is
// acknowledged (see PoolDevices). One that was away takes part again and is brought up to date. A pool that
// is only read takes whatever is there: each block's checksum tells what counts. Nothing is written here.
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

        Membership membership = new(log, candidate.Name);
        PoolTree tree = PoolTree.Open(candidate.Label.Vdevs, devices, loop, membership);
        PoolLabel label = candidate.Label;
        PoolIdentity identity =
            new(label.PoolName, label.PoolGuid, host, label.Features, label.WriteFeatures);
        PoolState state = readOnly ? label.State : PoolState.Active;
        if (!readOnly) membership.Touch();
        return new PoolDevices(
            loop, log, identity, membership, tree, state, candidate.HighestGeneration,
            BranchHistory.Of(label), readOnly);
    }

    private static async ValueTask<(PoolDevice Device, string? Reason)> OpenDeviceAsync(
        ILoop loop, ImportCandidate candidate, FoundDevice found, bool readOnly)
    {
        VdevConfig config = found.Config;
        if (found.Device is null)
            return (new PoolDevice(config, null), $"{Name(config)} was not found");

        // Taken out by the operator or for its failures: stays out until somebody brings it back.
        bool isOut = config.State is VdevState.Offline or VdevState.Faulted;
        if (isOut && !readOnly)
            return (new PoolDevice(config, null), $"{found.Device.Path} is {LabelText.NameOf(config.State)}");
        DiskAccess access = readOnly ? DiskAccess.ReadOnly : DiskAccess.ReadWrite;
        Outcome<IDisk> opened = await PatientIo.OpenAsync(loop, found.Device.Path, access);
        if (!opened.IsOk) return (new PoolDevice(config, null), opened.Fault.Message);
        IReadOnlyList<LabelFinding> labels = await LabelStore.ReadAsync(loop, opened.Value);
        PoolLabel? label = LabelStore.Newest(labels);
        string? reason = null;
        if (!LabelStore.Answers(labels)) reason = $"{found.Device.Path} {PatientIo.NoAnswer}";
        else if (label is null || label.PoolGuid != candidate.Guid || label.DeviceGuid != config.Guid)
            reason = $"{found.Device.Path} has changed since the scan";
        else if (label.Generation > found.Device.Label!.Generation)
            reason = $"{found.Device.Path} has a newer configuration than the scan found";
        else if (LabelBlock.DataSectors(opened.Value.SizeBytes) < config.SizeSectors)
            reason = $"{found.Device.Path} has shrunk";
        if (reason is null)
        {
            if (!readOnly && config.MissingFrom != 0
                && !BranchHistory.Includes(candidate.Label.Branches, label!))
                config = config with { MissingFrom = 1 };
            PoolDevice device = new(config, opened.Value) { Labels = labels };
            // One that was away is given what it missed.
            if (!readOnly) device.BringBack(null);
            return (device, null);
        }

        await PatientIo.CloseAsync(loop, opened.Value);
        return (new PoolDevice(config, null), reason);
    }

    private static string Name(VdevConfig config) =>
        config.Path.Length == 0 ? $"device {config.Guid}" : config.Path;

    [LoggerMessage(
        Level = LogLevel.Warning, Message = "pool {Pool}: goes on without vdev {Position}: {Reason}")]
    private static partial void LogMissing(ILogger log, string pool, string position, string reason);
}
