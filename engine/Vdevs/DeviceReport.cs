using System.Globalization;
using Cstor.Engine.Pools;
using Cstor.Engine.Statistics;
using Cstor.PoolLayout.Labels;

namespace Cstor.Engine.Vdevs;

/// <summary>What <c>pool status</c> shows of the devices.</summary>
internal static class DeviceReport
{
    public static VdevStatus Of(Vdev vdev)
    {
        VdevStatus[] slots = [.. vdev.Slots.Select(Of)];
        string role = LabelText.NameOf(vdev.Role);
        if (vdev.Kind == VdevKind.Disk) return slots[0] with { Role = role };
        bool isWhole = Array.TrueForAll(vdev.Devices, device => device.IsCurrent);
        string state = isWhole ? "online" : vdev.StandsWithout(null) ? "degraded" : "faulted";
        return Group(
            vdev.Kind, vdev.Guid, state, vdev.SectorCount << PoolLayout.Layout.SectorShift, slots)
            with { Role = role };
    }

    /// <summary>A spare that waits.</summary>
    public static VdevStatus OfSpare(PoolDevice spare) => Of(spare) with
    {
        Role = LabelText.NameOf(VdevRole.Spare),
        State = spare.IsPresent ? "available" : "missing",
    };

    /// <summary>How the device fared.</summary>
    /// <param name="device">A member of a vdev, or a spare.</param>
    /// <param name="vdev">What that is called.</param>
    public static DeviceIo IoOf(PoolDevice device, string vdev) => new(
        device.Guid,
        device.Path,
        vdev,
        device.InFlight,
        device.Times.Reads.Take(),
        device.Times.Writes.Take(),
        device.Times.Flushes.Take(),
        device.Times.ReadBytes,
        device.Times.WrittenBytes);

    /// <summary><c>mirror-0</c>: kind and number of a top-level vdev; the log's with its role.</summary>
    public static string NameOf(Vdev vdev, int index)
    {
        string kind = vdev.Role == VdevRole.Data ? LabelText.NameOf(vdev.Kind) : LabelText.NameOf(vdev.Role);
        return string.Create(CultureInfo.InvariantCulture, $"{kind}-{index}");
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

    private static VdevStatus Of(VdevSlot slot)
    {
        VdevStatus[] members = [.. slot.Members.Select(Of)];
        if (slot.Kind == VdevKind.Disk) return members[0];
        bool isWhole = Array.TrueForAll(slot.Members, member => member.IsCurrent);
        string state = isWhole ? "online"
            : Array.Exists(slot.Members, member => member.IsCurrent) ? "degraded" : "faulted";
        return Group(slot.Kind, slot.Guid, state, members.Min(member => member.SizeBytes), members);
    }

    private static VdevStatus Group(
        VdevKind kind, Guid guid, string state, long sizeBytes, VdevStatus[] children) => new(
        LabelText.NameOf(kind),
        LabelText.NameOf(VdevRole.Data),
        guid,
        "",
        state,
        sizeBytes,
        children.Sum(child => child.ReadErrors),
        children.Sum(child => child.WriteErrors),
        children.Sum(child => child.ChecksumErrors),
        "",
        children);

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
        NoteOf(device),
        []);

    private static string NoteOf(PoolDevice device) =>
        device.ConditionText.Length > 0 ? device.ConditionText
        : device.IsRebuilding ? "resilvering"
        : device.IsPresent || device.MissingFrom == 0 ? ""
        : string.Create(CultureInfo.InvariantCulture,
            $"lacks what was born from epoch {device.MissingFrom} on");

    private static string StateOf(PoolDevice device)
    {
        if (device.IsWritable) return "online";
        if (device.State is VdevState.Faulted or VdevState.Offline) return LabelText.NameOf(device.State);
        return device.IsPresent ? "faulted" : "missing";
    }
}
