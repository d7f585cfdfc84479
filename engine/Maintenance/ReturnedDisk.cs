using Cstor.Engine.Host;
using Cstor.Engine.Vdevs;
using Cstor.PoolLayout.Labels;

namespace Cstor.Engine.Maintenance;

/// <summary>The disk of a device that was away, found by its guid and opened.</summary>
/// <param name="Disk">For writing.</param>
/// <param name="LacksEverything">It was used without the pool meanwhile: what it missed is not
/// enough.</param>
internal sealed record ReturnedDisk(IDisk Disk, bool LacksEverything)
{
    /// <summary>Looks where the device was last, then everywhere.</summary>
    public static async ValueTask<Outcome<ReturnedDisk>> OpenAsync(
        ILoop loop, PoolDevices pool, PoolDevice device)
    {
        Outcome<ReturnedDisk> here = await TryOpenAsync(loop, pool, device, device.Path);
        if (here.IsOk) return here;
        List<string> places = [];
        string? directory = System.IO.Path.GetDirectoryName(device.Path);
        foreach (string? place in (string?[])[null, directory is "/dev" ? null : directory])
        {
            Outcome<IReadOnlyList<string>> candidates = await loop.Disks.CandidatesAsync(place);
            if (candidates.IsOk) places.AddRange(candidates.Value);
        }

        ImportScan scan = await PoolDevices.ScanAsync(loop, places);
        FoundDevice? found = scan.Pools.Where(candidate => candidate.Guid == pool.PoolGuid)
            .SelectMany(candidate => candidate.Devices)
            .FirstOrDefault(entry => entry.Config.Guid == device.Guid && entry.Device is not null);
        if (found is null || found.Device!.Path == device.Path) return here.Fault;
        return await TryOpenAsync(loop, pool, device, found.Device.Path);
    }

    private static async ValueTask<Outcome<ReturnedDisk>> TryOpenAsync(
        ILoop loop, PoolDevices pool, PoolDevice device, string path)
    {
        Outcome<IDisk> opened = await PatientIo.OpenAsync(loop, path, DiskAccess.ReadWrite);
        if (!opened.IsOk) return opened.Fault;
        PoolLabel? label = LabelStore.Newest(await LabelStore.ReadAsync(loop, opened.Value));
        if (label is not null && label.PoolGuid == pool.PoolGuid && label.DeviceGuid == device.Guid
            && LabelBlock.DataSectors(opened.Value.SizeBytes) >= device.SizeSectors)
            return new ReturnedDisk(opened.Value, !BranchHistory.Includes(pool.Branches, label));
        await PatientIo.CloseAsync(loop, opened.Value);
        return new Fault(
            "device-not-the-same", $"{path}: is not the device that was there ({Describe(label)})",
            "Attach the right one, or put this one in its place: cstor pool replace");
    }

    private static string Describe(PoolLabel? label) => label is null
        ? "it has no label"
        : $"its label names device {label.DeviceGuid} of pool '{label.PoolName}'";
}
