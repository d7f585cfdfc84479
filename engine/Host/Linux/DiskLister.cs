using System.Globalization;
using Cstor.Engine.Host.Linux.Abi;

namespace Cstor.Engine.Host.Linux;

/// <summary>Finds the machine's block devices in /sys/block; blocks.</summary>
internal static class DiskLister
{
    private const int SystemSectorBytes = 512;

    /// <summary>Devices that cannot hold a pool: memory, optical drives, floppies.</summary>
    private static readonly string[] ForeignPrefixes = ["ram", "zram", "sr", "fd"];

    public static IReadOnlyList<DiskDescription> List()
    {
        var disks = new List<DiskDescription>();
        DiskUses uses = DiskUses.Read();
        foreach (string name in SystemFiles.Names("/sys/block"))
        {
            if (IsForeign(name)) continue;
            string directory = $"/sys/block/{name}";
            Add(disks, uses, name, directory, directory);
            foreach (string partition in DiskUses.PartitionsOf(directory))
                Add(disks, uses, partition, $"{directory}/{partition}", directory);
        }

        return disks;
    }

    public static Outcome<IReadOnlyList<string>> Candidates(string? directory)
    {
        if (directory is null) return Outcome<IReadOnlyList<string>>.Ok(CandidateDevices());
        int error = Libc.Status(directory, out FileStatus status);
        if (error < 0) return DiskErrors.ToFault(directory, -error);
        if (status.IsBlockDevice || status.IsRegularFile)
            return Outcome<IReadOnlyList<string>>.Ok([directory]);
        if (!status.IsDirectory)
            return new Fault(
                "not-a-device", $"{directory}: is neither a directory, a block device nor a regular file");
        var paths = new List<string>();
        var seen = new HashSet<string>();
        foreach (string name in SystemFiles.Names(directory))
        {
            string path = Path.Combine(directory, name);
            if (Libc.Status(path, out FileStatus entry) < 0) continue;
            // /dev/disk/by-id and its like name a device several times.
            if (entry.IsBlockDevice ? seen.Add(entry.DeviceNumber) : entry.IsRegularFile) paths.Add(path);
        }

        return Outcome<IReadOnlyList<string>>.Ok(paths);
    }

    /// <summary>
    /// A member of an md or dm device shows the same labels as that device: only the upper one counts.
    /// </summary>
    private static List<string> CandidateDevices()
    {
        var paths = new List<string>();
        foreach (string name in SystemFiles.Names("/sys/block"))
        {
            if (IsForeign(name)) continue;
            string directory = $"/sys/block/{name}";
            AddCandidate(paths, name, directory);
            foreach (string partition in DiskUses.PartitionsOf(directory))
                AddCandidate(paths, partition, $"{directory}/{partition}");
        }

        return paths;
    }

    private static void AddCandidate(List<string> paths, string name, string directory)
    {
        if (Number($"{directory}/size") > 0 && SystemFiles.Names($"{directory}/holders").Length == 0)
            paths.Add(NodePath(name));
    }

    private static void Add(
        List<DiskDescription> disks, DiskUses uses, string name, string directory, string diskDirectory)
    {
        long sizeBytes = Number($"{directory}/size") * SystemSectorBytes;
        string? number = SystemFiles.Read($"{directory}/dev");
        if (sizeBytes <= 0 || number is null) return;
        string path = NodePath(name);
        int logical = (int)Math.Max(SystemSectorBytes, Number($"{diskDirectory}/queue/logical_block_size"));
        int physical = (int)Math.Max(logical, Number($"{diskDirectory}/queue/physical_block_size"));
        disks.Add(new DiskDescription(
            path,
            sizeBytes,
            ModelOf(diskDirectory),
            SerialOf(diskDirectory),
            logical,
            physical,
            Number($"{diskDirectory}/queue/rotational") == 1,
            InUseBy(uses, number, path, directory))
        {
            Wwn = FirstText($"{diskDirectory}/wwid", $"{diskDirectory}/device/wwid"),
        });
    }

    private static string? InUseBy(DiskUses uses, string number, string path, string directory)
    {
        if (uses.ReasonFor(number) is { } reason)
            return reason.StartsWith("is ", StringComparison.Ordinal) ? reason[3..] : reason;
        if (DiskUses.PartitionsOf(directory).Any()) return "has partitions";
        if (Number($"{directory}/ro") == 1) return "read-only";
        int file = Libc.Open(
            path, LibcConstants.OpenReadOnly | LibcConstants.OpenExclusive | LibcConstants.OpenNonBlocking);
        if (file >= 0)
        {
            _ = Libc.Close(file);
            return null;
        }

        return file switch
        {
            -Errno.EBUSY => "in use by another program or mount",
            -Errno.EACCES or -Errno.EPERM => "permission denied",
            _ => $"cannot be opened: {Libc.Describe(-file)}",
        };
    }

    private static string ModelOf(string directory)
    {
        string vendor = SystemFiles.Read($"{directory}/device/vendor") ?? "";
        string? model = SystemFiles.Read($"{directory}/device/model");
        if (model is not null)
        {
            // virtio and NVMe show a PCI number as vendor.
            return vendor.Length == 0 || vendor.StartsWith("0x", StringComparison.Ordinal)
                ? model : $"{vendor} {model}";
        }

        return FirstText($"{directory}/loop/backing_file", $"{directory}/dm/name");
    }

    /// <summary>
    /// What the unit serial number page of a SCSI or SATA disk says (SPC-4 §7.8.15): four bytes of header,
    /// then text with spaces around it.
    /// </summary>
    internal static string SerialOfPage(string page)
    {
        const int headerLength = 4;
        if (page.Length <= headerLength) return "";
        return string.Concat(page[headerLength..].Where(static c => c is >= ' ' and < (char)127)).Trim();
    }

    private static string SerialOf(string directory)
    {
        string serial = FirstText($"{directory}/device/serial", $"{directory}/serial");
        if (serial.Length == 0)
            serial = SerialOfPage(SystemFiles.Read($"{directory}/device/vpd_pg80") ?? "");
        return serial.Length > 0 ? serial : FirstText(
            $"{directory}/wwid",
            $"{directory}/device/wwid",
            $"{directory}/dm/uuid");
    }

    private static string FirstText(params ReadOnlySpan<string> paths)
    {
        foreach (string path in paths)
        {
            if (SystemFiles.Read(path) is { Length: > 0 } text) return text;
        }

        return "";
    }

    /// <summary>sysfs writes a slash in a device's name as an exclamation mark.</summary>
    private static string NodePath(string name) => $"/dev/{name.Replace('!', '/')}";

    private static bool IsForeign(string name)
    {
        foreach (string prefix in ForeignPrefixes)
        {
            if (name.StartsWith(prefix, StringComparison.Ordinal) && name.Length > prefix.Length
                && char.IsAsciiDigit(name[prefix.Length]))
                return true;
        }

        return false;
    }

    private static long Number(string path) =>
        long.TryParse(SystemFiles.Read(path), CultureInfo.InvariantCulture, out long value) ? value : 0;
}
