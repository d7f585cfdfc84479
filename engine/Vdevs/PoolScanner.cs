using System.Globalization;
using Cstor.Engine.Host;
using Cstor.PoolLayout.Labels;

namespace Cstor.Engine.Vdevs;

/// <summary>
/// Finds pools by reading labels; names of devices mean nothing. One bad device never fails the scan, and
/// one that hangs delays it by seconds (see <see cref="PatientIo"/>).
/// </summary>
internal static class PoolScanner
{
    /// <summary>Devices read at once.</summary>
    private const int Concurrency = 16;

    public static async ValueTask<ImportScan> ScanAsync(ILoop loop, IReadOnlyList<string> paths)
    {
        string[] distinct = [.. paths.Distinct(StringComparer.Ordinal)];
        DeviceScan?[] scans = new DeviceScan?[distinct.Length];
        string?[] faults = new string?[distinct.Length];
        int next = 0;
        Task[] workers = new Task[Math.Min(Concurrency, distinct.Length)];
        for (int i = 0; i < workers.Length; i++) workers[i] = WorkAsync();
        foreach (Task worker in workers) await worker;
        return Group(scans, distinct, faults);

        async Task WorkAsync()
        {
            while (next < distinct.Length)
            {
                int mine = next++;
                (scans[mine], faults[mine]) = await ScanDeviceAsync(loop, distinct[mine]);
            }
        }
    }

    private static async ValueTask<(DeviceScan? Scan, string? Fault)> ScanDeviceAsync(ILoop loop, string path)
    {
        Outcome<IDisk> opened = await PatientIo.OpenAsync(loop, path, DiskAccess.ReadOnly);
        if (!opened.IsOk) return (null, opened.Fault.Message);
        IReadOnlyList<LabelFinding> labels = await LabelStore.ReadAsync(loop, opened.Value);
        if (!LabelStore.Answers(labels))
        {
            PatientIo.LetGo(opened.Value);
            return (null, $"{path}: {PatientIo.NoAnswer}");
        }

        DeviceScan scan = new(path, opened.Value.SizeBytes, labels);
        await PatientIo.CloseAsync(loop, opened.Value);
        return (scan, null);
    }

    private static ImportScan Group(DeviceScan?[] scans, string[] paths, string?[] faults)
    {
        List<UnusableDevice> unusable = [];
        for (int i = 0; i < paths.Length; i++)
        {
            if (faults[i] is { } fault) unusable.Add(new UnusableDevice(paths[i], fault));
            else if (scans[i]!.Label is null && Complaint(scans[i]!) is { } complaint)
                unusable.Add(new UnusableDevice(paths[i], complaint));
        }

        ImportCandidate[] pools =
        [
            .. scans.Where(scan => scan?.Label is not null).Select(scan => scan!)
                .GroupBy(scan => scan.Label!.PoolGuid)
                .Select(pool => Assemble([.. pool]))
                .OrderBy(pool => pool.Name, StringComparer.Ordinal).ThenBy(pool => pool.Guid),
        ];
        return new ImportScan(pools, unusable);
    }

    private static string? Complaint(DeviceScan scan)
    {
        LabelFinding? trace =
            scan.Labels.FirstOrDefault(finding => finding.Condition == LabelCondition.Unknown)
            ?? scan.Labels.FirstOrDefault(finding => finding.Condition == LabelCondition.Damaged)
            ?? scan.Labels.FirstOrDefault(
                finding => finding.Condition == LabelCondition.Unreadable && scan.SizeBytes > 0);
        return trace is null ? null : $"{scan.Path}: label {trace.Index}: {trace.Reason}";
    }

    private static ImportCandidate Assemble(List<DeviceScan> scans)
    {
        (PoolLabel best, string? conflict) = ConfigChoice.Choose(scans);
        List<FoundDevice> devices = [];
        List<DeviceScan> duplicates = [];
        foreach ((string position, VdevConfig disk) in Positions("", best.Vdevs))
        {
            DeviceScan[] claims =
            [
                .. scans.Where(scan => scan.Label!.DeviceGuid == disk.Guid)
                    .OrderByDescending(scan => scan.Label!.Generation)
                    .ThenByDescending(scan => scan.Path == disk.Path)
                    .ThenBy(scan => scan.Path, StringComparer.Ordinal),
            ];
            devices.Add(new FoundDevice(position, disk, claims.FirstOrDefault()));
            duplicates.AddRange(claims.Skip(1));
        }

        HashSet<Guid> members = [.. best.Disks.Select(disk => disk.Guid)];
        DeviceScan[] former = [.. scans.Where(scan => !members.Contains(scan.Label!.DeviceGuid))];
        return new ImportCandidate(best, devices, duplicates, former, conflict);
    }

    // Every disk with the numbers that lead to it: "0.1".
    private static IEnumerable<(string Position, VdevConfig Disk)> Positions(
        string prefix, IReadOnlyList<VdevConfig> vdevs)
    {
        foreach (VdevConfig vdev in vdevs)
        {
            string position = prefix + vdev.Id.ToString(CultureInfo.InvariantCulture);
            if (vdev.Kind == VdevKind.Disk) yield return (position, vdev);
            foreach ((string, VdevConfig) below in Positions(position + ".",
                vdev.Children)) yield return below;
        }
    }
}
