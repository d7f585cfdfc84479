using Cstor.Engine.Host.Linux.Abi;

namespace Cstor.Engine.Host.Linux;

/// <summary>
/// What the machine uses its disks for, read once from /proc and /sys: mounts, swap, holders (md, dm),
/// backing files of loop devices. Only mounts of our own mount namespace are seen; what other namespaces hold
/// is caught by O_EXCL.
/// </summary>
internal sealed class DiskUses
{
    private readonly Dictionary<string, string> _reasons = [];

    private DiskUses()
    {
    }

    /// <summary>Looks at the machine.</summary>
    public static DiskUses Read()
    {
        var uses = new DiskUses();
        uses.ReadMounts(SystemFiles.Lines("/proc/self/mountinfo"));
        foreach (string line in SystemFiles.Lines("/proc/swaps").Skip(1))
            uses.AddByPath(Unescape(line.Split([' ', '\t'], 2)[0]), "is in use as swap");
        return uses;
    }

    /// <summary>For tests: the reasons that a mountinfo text gives, by device number.</summary>
    public static IReadOnlyDictionary<string, string> ReasonsOfMounts(string[] mountinfo)
    {
        var uses = new DiskUses();
        uses.ReadMounts(mountinfo);
        return uses._reasons;
    }

    /// <summary>Why a device node or file may not be taken, or null.</summary>
    public string? ReasonFor(FileStatus status)
    {
        if (status.IsRegularFile) return LoopOn(status);
        if (!status.IsBlockDevice) return null;
        return ReasonFor(status.DeviceNumber);
    }

    /// <summary>Why a block device may not be taken, or null.</summary>
    public string? ReasonFor(string deviceNumber)
    {
        if (_reasons.TryGetValue(deviceNumber, out string? reason)) return reason;
        string directory = $"/sys/dev/block/{deviceNumber}";
        string[] holders = SystemFiles.Names($"{directory}/holders");
        if (holders.Length > 0) return $"is held by {string.Join(", ", holders)}";
        foreach (string partition in PartitionsOf(directory))
        {
            string? number = SystemFiles.Read($"{directory}/{partition}/dev");
            if (number is not null && ReasonFor(number) is { } inner)
                return $"its partition {partition} {inner}";
        }

        return null;
    }

    /// <summary>Names of a disk's partitions.</summary>
    public static IEnumerable<string> PartitionsOf(string systemDirectory) =>
        SystemFiles.Names(systemDirectory).Where(name => File.Exists($"{systemDirectory}/{name}/partition"));

    private static string? LoopOn(FileStatus status)
    {
        foreach (string name in SystemFiles.Names("/sys/block"))
        {
            if (!name.StartsWith("loop", StringComparison.Ordinal)) continue;
            string? backing = SystemFiles.Read($"/sys/block/{name}/loop/backing_file");
            if (backing is null || Libc.Status(backing, out FileStatus file) < 0) continue;
            if (file.Inode == status.Inode && file.HostMajor == status.HostMajor
                && file.HostMinor == status.HostMinor)
                return $"is attached to /dev/{name}";
        }

        return null;
    }

    /// <summary>Undoes the octal escapes of mountinfo: "\040" is a space.</summary>
    private static string Unescape(string text)
    {
        if (!text.Contains('\\', StringComparison.Ordinal)) return text;
        return text
            .Replace("\\040", " ", StringComparison.Ordinal)
            .Replace("\\011", "\t", StringComparison.Ordinal)
            .Replace("\\012", "\n", StringComparison.Ordinal)
            .Replace("\\134", "\\", StringComparison.Ordinal);
    }

    /// <summary>
    /// Fields: id, parent, device, root, mount point, options, optional fields up to "-", type, source, ...
    /// (proc(5)).
    /// </summary>
    private void ReadMounts(string[] lines)
    {
        foreach (string line in lines)
        {
            string[] fields = line.Split(' ');
            int separator = Array.IndexOf(fields, "-");
            if (separator < 6 || fields.Length < separator + 3) continue;
            string reason = $"is mounted on {Unescape(fields[4])}";
            _reasons.TryAdd(fields[2], reason);
            // File systems over several devices (btrfs) show a number of their own; the source names one
            // device.
            string source = Unescape(fields[separator + 2]);
            if (source.StartsWith("/dev/", StringComparison.Ordinal)) AddByPath(source, reason);
        }
    }

    private void AddByPath(string path, string reason)
    {
        if (Libc.Status(path, out FileStatus status) >= 0 && status.IsBlockDevice)
            _reasons.TryAdd(status.DeviceNumber, reason);
    }
}
