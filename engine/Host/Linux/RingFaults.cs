using Cstor.Engine.Host.Linux.Abi;

namespace Cstor.Engine.Host.Linux;

/// <summary>Why there is no ring, in words that say what to allow.</summary>
internal static class RingFaults
{
    private const string InContainer =
        "In a container run it privileged, or with --security-opt seccomp=unconfined "
        + "(Kubernetes: securityContext.privileged: true, or seccompProfile.type: Unconfined), "
        + "or with a profile that allows io_uring_setup, io_uring_enter and io_uring_register";

    /// <summary>The fault for a failed io_uring_setup.</summary>
    /// <param name="errno">What the call failed with.</param>
    /// <param name="disabledSetting">
    /// Content of <c>/proc/sys/kernel/io_uring_disabled</c>, or null where there is none.
    /// </param>
    public static Fault ForSetup(int errno, string? disabledSetting) => errno switch
    {
        Errno.EPERM when disabledSetting == "2" => new Fault(
            "io-uring-forbidden",
            "io_uring is switched off on this machine (kernel.io_uring_disabled=2)",
            "Allow it with: sysctl -w kernel.io_uring_disabled=0"),
        Errno.EPERM when disabledSetting == "1" => new Fault(
            "io-uring-forbidden",
            "io_uring is reserved on this machine (kernel.io_uring_disabled=1)",
            "Run with CAP_SYS_ADMIN, or allow it with: sysctl -w kernel.io_uring_disabled=0"),
        Errno.EPERM or Errno.EACCES => new Fault(
            "io-uring-forbidden",
            "io_uring is forbidden here: not permitted, as by a container's default profile",
            InContainer),
        Errno.ENOSYS => new Fault(
            "io-uring-forbidden",
            "io_uring is missing: the kernel lacks it, is older than 5.11, or a seccomp profile hides it",
            "Use Linux 5.11 or newer (6.1 or newer is faster) with CONFIG_IO_URING. " + InContainer),
        Errno.ENOMEM => new Fault(
            "io-uring-memory",
            "io_uring got no memory: the limit on locked memory (memlock) is too low, or memory is used up",
            "Raise the limit: ulimit -l 65536, LimitMEMLOCK=64M in a systemd unit, "
            + "or --ulimit memlock=67108864 for a container"),
        Errno.EMFILE or Errno.ENFILE => new Fault(
            "open-files",
            "io_uring got no file descriptor: the limit on open files is reached",
            "Raise it: ulimit -n 65536"),
        _ => new Fault(
            "io-uring-failed",
            $"io_uring_setup failed: {Libc.Describe(errno)} (errno {errno})",
            "Use Linux 5.11 or newer"),
    };

    /// <summary>The fault for a kernel that has io_uring but lacks what this loop is built on.</summary>
    public static Fault TooOld() => new(
        "kernel-too-old",
        "the kernel's io_uring is too old: it has no timed wait (IORING_FEAT_EXT_ARG)",
        "Use Linux 5.11 or newer; 6.1 or newer is faster");
}
