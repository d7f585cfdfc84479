using System.Globalization;
using Cstor.Engine.Pools;
using Cstor.PoolLayout.Labels;

namespace Cstor.Engine.Vdevs;

/// <summary>What <c>pool status</c> shows of the devices.</summary>
internal static class DeviceReport
{
    public static VdevStatus Of(Vdev vdev, long sizeBytes)
    {
        VdevConfig config = vdev.CurrentConfig();
        if (config.Kind == VdevKind.Disk) return Of(vdev.Devices[0]);
        VdevStatus[] children = [.. vdev.Devices.Select(Of)];
        int current = vdev.Devices.Count(device => device.IsCurrent);
        string state = current == children.Length ? "online"
            : current >= 1 ? "degraded" : "faulted";
        return new VdevStatus(
            LabelText.NameOf(config.Kind),
            LabelText.NameOf(config.Role),
            config.Guid,
            "",
            state,
            sizeBytes,
            children.Sum(child => child.ReadErrors),
            children.Sum(child => child.WriteErrors),
            children.Sum(child => child.ChecksumErrors),
            "",
            children);
    }

    /// <summary>Labels that were found damaged at opening, one entry for each.</summary>
    public static IEnumerable<DamageReport> DamageOf(PoolDevice device)
    {
        foreach (LabelFinding finding in device.Labels)
        {
            if (finding.Condition == LabelCondition.Whole) continue;
            string where = string.Create(
                CultureInfo.InvariantCulture, $"{device.Path} label {finding.Index}: {finding.Reason}");
            yield return new DamageReport("label", where, 1, device.LabelsRewritten ? 1 : 0);
        }
    }

    private static VdevStatus Of(PoolDevice device) => new(
        "disk",
        LabelText.NameOf(VdevRole.Data),
        device.Guid,
        device.Path,
        StateOf(device),
        device.SizeSectors << PoolLayout.Layout.SectorShift,
        device.ReadErrors,
        device.WriteErrors,
        device.ChecksumErrors,
        "",
        []);

    private static string StateOf(PoolDevice device)
    {
        if (device.IsCurrent) return "online";
        if (device.State is VdevState.Faulted or VdevState.Offline) return LabelText.NameOf(device.State);
        return device.IsPresent ? "faulted" : "missing";
    }
}
