using System.Globalization;
using Cstor.Engine.Host.Linux.Abi;

namespace Cstor.Engine.Host.Linux;

/// <summary>
/// Opens a disk; blocks. For writing the disk must be ours alone: O_EXCL on a block device excludes mounts,
/// swap, md, dm and other daemons; a lock on a regular file excludes other daemons. What stands in the way is
/// looked up first, to name it.
/// </summary>
internal static class DiskOpener
{
    private const int SectorBytes = 4096;

    public static Outcome<OpenedDisk> Open(string path, DiskAccess access)
    {
        int error = Libc.Status(path, out FileStatus status);
        if (error < 0) return DiskErrors.ToFault(path, -error);
        bool writable = access == DiskAccess.ReadWrite;
        if (!status.IsBlockDevice && !status.IsRegularFile)
            return new Fault("not-a-device", $"{path}: is neither a block device nor a regular file",
                "Name a disk or a file");
        if (writable && DiskUses.Read().ReasonFor(status) is { } reason)
            return DiskErrors.InUse(path, reason);

        int flags = LibcConstants.OpenDirect;
        flags |= writable ? LibcConstants.OpenReadWrite : LibcConstants.OpenReadOnly;
        if (status.IsBlockDevice && writable) flags |= LibcConstants.OpenExclusive;
        int file = Libc.Open(path, flags);
        if (file < 0) return DiskErrors.ToFault(path, -file);
        Outcome<OpenedDisk> disk = status.IsBlockDevice
            ? Examine(path, file, writable) : ExamineFile(path, file, writable);
        if (!disk.IsOk) _ = Libc.Close(file);
        return disk;
    }

    private static Outcome<OpenedDisk> Examine(string path, int file, bool writable)
    {
        int error = Libc.Status(file, out FileStatus status);
        if (error < 0) return DiskErrors.ToFault(path, -error);
        error = Libc.Control(file, LibcConstants.BlockReadOnly, out int readOnly);
        if (error >= 0 && readOnly != 0 && writable) return DiskErrors.ReadOnly(path);
        error = Libc.Control(file, LibcConstants.BlockSizeBytes, out ulong sizeBytes);
        if (error < 0) return DiskErrors.ToFault(path, -error);
        error = Libc.Control(file, LibcConstants.BlockLogicalSector, out int logical);
        if (error < 0) return DiskErrors.ToFault(path, -error);
        error = Libc.Control(file, LibcConstants.BlockPhysicalSector, out int physical);
        if (error < 0) physical = logical;
        if (logical > SectorBytes)
        {
            return new Fault(
                "sector-size",
                $"{path}: its sectors have {logical} bytes; more than {SectorBytes} are not supported",
                "Use another disk");
        }

        return new OpenedDisk(
            path,
            file,
            IsBlockDevice: true,
            writable,
            RoundDown(sizeBytes),
            logical,
            Math.Max(logical, physical),
            SupportsDiscard: DiscardLimit(status) > 0);
    }

    private static Outcome<OpenedDisk> ExamineFile(string path, int file, bool writable)
    {
        if (writable)
        {
            int locked = Libc.Lock(file, LibcConstants.LockExclusive | LibcConstants.LockNonBlocking);
            if (locked == -Errno.EAGAIN)
                return DiskErrors.InUse(path, "is locked by another program, perhaps another cstor");
            if (locked < 0) return DiskErrors.ToFault(path, -locked);
        }

        // Looked at only now: before the lock its former owner could still change it.
        int error = Libc.Status(file, out FileStatus status);
        if (error < 0) return DiskErrors.ToFault(path, -error);
        int logical = status.DirectOffsetAlignment is > 0 and <= SectorBytes
            ? (int)status.DirectOffsetAlignment : SectorBytes;
        return new OpenedDisk(
            path,
            file,
            IsBlockDevice: false,
            writable,
            RoundDown(status.SizeBytes),
            logical,
            SectorBytes,
            SupportsDiscard: writable);
    }

    private static long RoundDown(ulong sizeBytes) => (long)(sizeBytes / SectorBytes * SectorBytes);

    private static long DiscardLimit(FileStatus status)
    {
        string device = $"/sys/dev/block/{status.DeviceNumber}";
        // A partition has no queue of its own: its disk's is one level up.
        string? text = SystemFiles.Read($"{device}/queue/discard_max_bytes")
            ?? SystemFiles.Read($"{device}/../queue/discard_max_bytes");
        return long.TryParse(text, CultureInfo.InvariantCulture, out long limit) ? limit : 0;
    }
}
