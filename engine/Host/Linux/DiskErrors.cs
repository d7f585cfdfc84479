using Cstor.Engine.Host.Linux.Abi;

namespace Cstor.Engine.Host.Linux;

/// <summary>What a disk's errno means.</summary>
internal static class DiskErrors
{
    /// <summary>The status of a failed data request. What is not known is an error of the device.</summary>
    public static IoStatus ToStatus(int errno) => errno switch
    {
        Errno.ENODEV or Errno.ENXIO or Errno.EBADF or Errno.ESTALE or Errno.ENOMEDIUM => IoStatus.DeviceGone,
        Errno.ETIMEDOUT or Errno.ETIME => IoStatus.DeviceTimeout,
        Errno.ENOSPC or Errno.EDQUOT or Errno.EFBIG => IoStatus.NoSpace,
        Errno.EROFS or Errno.EPERM or Errno.EACCES => IoStatus.ReadOnly,
        Errno.ENOMEM or Errno.ENOBUFS => IoStatus.NoMemory,
        Errno.EOPNOTSUPP or Errno.ENOSYS or Errno.ENOTTY => IoStatus.NotSupported,
        Errno.ECANCELED => IoStatus.Aborted,
        _ => IoStatus.DeviceError,
    };

    /// <summary>The fault of an open or a first look that failed.</summary>
    public static Fault ToFault(string path, int errno) => errno switch
    {
        Errno.ENOENT or Errno.ENOTDIR => new Fault(
            "device-missing", $"{path}: does not exist", "Check the path with 'cstor disk list'"),
        Errno.EACCES or Errno.EPERM => new Fault(
            "permission-denied",
            $"{path}: permission denied",
            "Run as root; in a container run privileged with /dev mounted"),
        Errno.EBUSY => new Fault(
            "device-in-use",
            $"{path}: is in use by a mount or another program, perhaps of another container",
            "See 'lsblk', 'cstor disk list' and 'fuser -v', and free it first"),
        Errno.EROFS => ReadOnly(path),
        Errno.ETXTBSY => new Fault(
            "device-in-use", $"{path}: is in use as swap or as a running program", "Free it first"),
        Errno.EINVAL => new Fault(
            "no-direct-io",
            $"{path}: its file system refuses direct I/O (O_DIRECT)",
            "Use a block device, or a file on ext4, XFS or another file system with direct I/O"),
        Errno.ENODEV or Errno.ENXIO or Errno.ENOMEDIUM => new Fault(
            "device-missing", $"{path}: there is no device behind it",
            "Check that it is attached, and the kernel log"),
        Errno.EMFILE or Errno.ENFILE => new Fault(
            "open-files", $"{path}: the limit on open files is reached", "Raise it: ulimit -n 65536"),
        _ => new Fault(
            "device-error", $"{path}: {Libc.Describe(errno)} (errno {errno})", "See the kernel log"),
    };

    public static Fault Hangs(string path, string what) => new(
        "device-hangs", $"{path}: is still busy with {what}",
        "See the kernel log; wait until it answers, or detach the device");

    public static Fault ReadOnly(string path) => new(
        "device-readonly", $"{path}: is read-only",
        "Make it writable (blockdev --setrw, or remount its file system), or import read-only");

    public static Fault InUse(string path, string reason) => new(
        "device-in-use", $"{path}: {reason}",
        "Free it first, or choose another device ('cstor disk list' shows them)");
}
