// Whether devices may join a pool. All are opened and examined before anything is written to any, and every
// objection is named, so that a refusal leaves each byte of each device as it was and need not be met one
// device at a time.
using Cstor.Engine.Host;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Labels;
using Cstor.PoolLayout.Signatures;

namespace Cstor.Engine.Vdevs;

internal static class DeviceAdmission
{
    /// <summary>Opens all paths exclusively. On a fault none is left open and nothing was written.</summary>
    public static async ValueTask<Outcome<IReadOnlyList<AdmittedDevice>>> AdmitAsync(
        ILoop loop, IReadOnlyList<string> paths, bool force)
    {
        string[] twice =
        [
            .. paths.GroupBy(path => path, StringComparer.Ordinal)
                .Where(same => same.Count() > 1).Select(same => same.Key),
        ];
        if (twice.Length != 0)
            return new Fault(
                "device-twice", $"{string.Join(", ", twice)}: named twice", "Name each device once");
        List<AdmittedDevice> admitted = [];
        List<Fault> faults = [];
        foreach (string path in paths)
        {
            Outcome<IDisk> opened = await PatientIo.OpenAsync(loop, path, DiskAccess.ReadWrite);
            if (!opened.IsOk)
            {
                faults.Add(await FindTwinAsync(loop, path, admitted) ?? opened.Fault);
                continue;
            }

            Outcome<string?> examined = await ExamineAsync(loop, opened.Value, force);
            admitted.Add(new AdmittedDevice(opened.Value, examined.IsOk ? examined.Value : null));
            if (!examined.IsOk) faults.Add(examined.Fault);
        }

        if (faults.Count == 0) return Outcome<IReadOnlyList<AdmittedDevice>>.Ok(admitted);
        foreach (AdmittedDevice device in admitted) await PatientIo.CloseAsync(loop, device.Disk);
        return faults.Count == 1 ? faults[0] : new Fault(
            faults[0].Code,
            string.Join("; ", faults.Select(fault => fault.Message)),
            string.Join(
                ". ", faults.Select(fault => fault.Remedy).Where(remedy => remedy.Length != 0).Distinct()));
    }

    /// <summary>Why a device would be refused unless forced, or null. Opened shared, only read.</summary>
    public static async ValueTask<Fault?> ObjectionAsync(ILoop loop, string path)
    {
        Outcome<IDisk> opened = await PatientIo.OpenAsync(loop, path, DiskAccess.ReadOnly);
        if (!opened.IsOk) return opened.Fault;
        Outcome<string?> examined = await ExamineAsync(loop, opened.Value, force: false);
        await PatientIo.CloseAsync(loop, opened.Value);
        return examined.IsOk ? null : examined.Fault;
    }

    // A device under a second name is busy with our own first open: once that is closed, it opens.
    private static async ValueTask<Fault?> FindTwinAsync(
        ILoop loop, string path, List<AdmittedDevice> admitted)
    {
        foreach (AdmittedDevice device in admitted)
        {
            await PatientIo.CloseAsync(loop, device.Disk);
            Outcome<IDisk> opened = await PatientIo.OpenAsync(loop, path, DiskAccess.ReadWrite);
            if (!opened.IsOk) continue;
            await PatientIo.CloseAsync(loop, opened.Value);
            return new Fault(
                "device-twice", $"{path}: is the same device as {device.Disk.Path}", "Name each device once");
        }

        return null;
    }

    private static async ValueTask<Outcome<string?>> ExamineAsync(ILoop loop, IDisk disk, bool force)
    {
        string path = disk.Path;
        if (disk.PhysicalSectorBytes > Layout.SectorBytes || disk.LogicalSectorBytes > Layout.SectorBytes)
        {
            int bytes = Math.Max(disk.PhysicalSectorBytes, disk.LogicalSectorBytes);
            return new Fault(
                "sector-size",
                $"{path}: its sectors have {bytes} bytes, more than {Layout.SectorBytes}",
                "Use another device");
        }

        if (disk.SizeBytes < Layout.MinimumDeviceBytes)
        {
            return new Fault(
                "device-too-small",
                $"{path}: has {disk.SizeBytes >> 20} MiB of the {Layout.MinimumDeviceBytes >> 20} MiB needed",
                "Use a larger device");
        }

        IReadOnlyList<LabelFinding> labels = await LabelStore.ReadAsync(loop, disk);
        if (labels.FirstOrDefault(label => label.Condition == LabelCondition.Unreadable) is { } unreadable)
        {
            return new Fault(
                "device-read-failed",
                $"{path}: label {unreadable.Index}: {unreadable.Reason}",
                "Replace the device");
        }

        if (DescribeLabels(labels) is { } pool)
        {
            if (force) return pool;
            return new Fault(
                "device-has-pool",
                $"{path}: {pool}",
                "Import that pool, or use -f to overwrite what is there");
        }

        Outcome<string?> found = await FindForeignAsync(loop, disk, labels);
        if (!found.IsOk || found.Value is null) return found;
        string carries = $"carries {found.Value}";
        if (force) return carries;
        return new Fault(
            "device-has-content",
            $"{path}: {carries}",
            "Use another device, or -f to overwrite what is there");
    }

    // Labels of a creation that did not end count for nothing; what was put over them since does.
    private static async ValueTask<Outcome<string?>> FindForeignAsync(
        ILoop loop, IDisk disk, IReadOnlyList<LabelFinding> labels)
    {
        const int HeadBytes = ForeignSignature.HeadBytes;
        const int TailBytes = ForeignSignature.TailBytes;
        IoBuffer? head = loop.Buffers.TryRent(HeadBytes);
        IoBuffer? tail = loop.Buffers.TryRent(TailBytes);
        IoStatus status = head is null || tail is null ? IoStatus.NoMemory : IoStatus.Ok;
        if (status == IoStatus.Ok) status = await PatientIo.ReadAsync(loop, disk, 0, head!, HeadBytes);
        if (status == IoStatus.Ok)
            status = await PatientIo.ReadAsync(
                loop, disk, disk.SizeBytes - TailBytes, tail!, TailBytes);
        string? found = null;
        if (status == IoStatus.Ok)
        {
            foreach (LabelFinding label in labels)
            {
                if (label.Condition != LabelCondition.Whole) continue;
                long offsetBytes =
                    LabelBlock.OffsetOf(disk.SizeBytes, label.Index) + Layout.LabelConfigOffset;
                Span<byte> magic = label.Index < 2
                    ? head!.Span[(int)offsetBytes..]
                    : tail!.Span[(int)(offsetBytes - (disk.SizeBytes - TailBytes))..];
                magic[..sizeof(ulong)].Clear();
            }

            found = ForeignSignature.Detect(
                head!.First(HeadBytes).Span, tail!.First(TailBytes).Span, disk.SizeBytes);
        }

        head?.Release();
        tail?.Release();
        if (status == IoStatus.Ok) return found;
        return new Fault(
            "device-read-failed", $"{disk.Path}: cannot be read ({status})", "Replace the device");
    }

    private static string? DescribeLabels(IReadOnlyList<LabelFinding> labels)
    {
        if (LabelStore.Newest(labels) is { } label)
        {
            return label.State switch
            {
                PoolState.Creating => null,
                PoolState.Exported => $"belongs to the exported pool '{label.PoolName}'",
                PoolState.Destroyed => $"belonged to the destroyed pool '{label.PoolName}'",
                _ => label.HostName.Length == 0
                    ? $"belongs to pool '{label.PoolName}', which was not exported"
                    : $"belongs to pool '{label.PoolName}', last in use on host '{label.HostName}'",
            };
        }

        LabelFinding? trace = labels.FirstOrDefault(finding => finding.Condition == LabelCondition.Unknown)
            ?? labels.FirstOrDefault(finding => finding.Condition == LabelCondition.Damaged);
        return trace is null ? null : $"carries a cstor label that cannot be read ({trace.Reason})";
    }
}
