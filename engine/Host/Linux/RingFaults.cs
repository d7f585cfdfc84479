using Cstor.Engine.Host.Linux.Abi;

namespace Cstor.Engine.Host.Linux;

/// <summary>Why there is no ring, in words that say what to allow.</summary>
internal static class RingFaults
{
    /// <summary>The fault for a failed io_uring_setup.</summary>
    /// <param name="errno">What the call failed with.</param>
    /// <param name="disabledSetting">Content of <c>/proc/sys/kernel/io_uring_disabled</c>, or null where there is none.</param>
    public static Fault ForSetup(int errno, string? disabledSetting)
    {
        switch (errno)
        {
            case Errno.EPERM when disabledSetting is "1" or "2":
                return new Fault(
                    "io-uring-forbidden",
                    $"io_uring is switched off on this machine (kernel.io_uring_disabled is {disabledSetting})",
                    "Allow it with: sysctl -w kernel.io_uring_disabled=0"
                    + (disabledSetting == "1" ? " (with 1, a process with CAP_SYS_ADMIN may use it too)" : ""));
            case Errno.EPERM or Errno.EACCES:
                return new Fault(
                    "io-uring-forbidden",
                    "io_uring is forbidden here: io_uring_setup is answered by EPERM, as a container's default seccomp profile does",
                    "Run the container privileged or with --security-opt seccomp=unconfined (Kubernetes: securityContext.privileged: "
                    + "true or seccompProfile.type: Unconfined), or with a profile that allows the system calls io_uring_setup, "
                    + "io_uring_enter and io_uring_register");
            case Errno.ENOSYS:
                return new Fault(
                    "io-uring-forbidden",
                    "io_uring is missing: the kernel was built without it, is older than 5.11, or a seccomp profile hides it",
                    "Use Linux 5.11 or newer (6.1 or newer is faster) with CONFIG_IO_URING; in a container allow the system calls "
                    + "io_uring_setup, io_uring_enter and io_uring_register (--security-opt seccomp=unconfined, or privileged)");
            case Errno.ENOMEM:
                return new Fault(
                    "io-uring-memory",
                    "io_uring got no memory: the limit on locked memory (memlock) is too low, or the machine is out of memory",
                    "Raise it: ulimit -l 65536, LimitMEMLOCK=64M in a systemd unit, or --ulimit memlock=67108864 for a container");
            case Errno.EMFILE or Errno.ENFILE:
                return new Fault("open-files", "io_uring got no file descriptor: the limit on open files is reached", "Raise it: ulimit -n 65536");
            default:
                return new Fault("io-uring-failed", $"io_uring_setup failed: {Libc.Describe(errno)} (errno {errno})", "Use Linux 5.11 or newer");
        }
    }

    /// <summary>The fault for a kernel that has io_uring but lacks what this loop is built on.</summary>
    public static Fault TooOld() => new(
        "kernel-too-old",
        "the kernel's io_uring is too old: it has no timed wait (IORING_FEAT_EXT_ARG)",
        "Use Linux 5.11 or newer; 6.1 or newer is faster");
}
