using System.Runtime.InteropServices;
using System.Text;
using Cstor.Engine.Host.Linux.Abi;

namespace Cstor.Engine.Host.Linux;

/// <summary>
/// The system calls, all in one place. Every wrapper returns the result or a negative errno, the way the
/// kernel itself does, so that no caller can read a stale errno.
/// </summary>
internal static unsafe partial class Libc
{
    private const uint StatusMask = LibcConstants.StatusBasic | LibcConstants.StatusDirectAlignment;

    public static int RingSetup(uint entries, RingParameters* parameters) =>
        Result(SystemCall2(RingConstants.SystemCallSetup, (nint)entries, (nint)parameters));

    public static int RingEnter(
        int ring, uint submit, uint minComplete, uint flags, void* argument, nint argumentBytes) =>
        Result(SystemCall6(
            RingConstants.SystemCallEnter,
            ring,
            (nint)submit,
            (nint)minComplete,
            (nint)flags,
            (nint)argument,
            argumentBytes));

    public static int RingRegister(int ring, uint operation, void* argument, uint count) =>
        Result(SystemCall4(
            RingConstants.SystemCallRegister, ring, (nint)operation, (nint)argument, (nint)count));

    /// <summary>Maps shared memory of a file; a negative errno on failure.</summary>
    public static nint Map(nuint lengthBytes, int file, ulong offset)
    {
        nint address = MapRaw(
            0, lengthBytes, LibcConstants.ProtectionReadWrite,
            LibcConstants.MapShared | LibcConstants.MapPopulate, file, (long)offset);
        return address == -1 ? -Marshal.GetLastPInvokeError() : address;
    }

    /// <summary>Maps memory of our own; a negative errno on failure.</summary>
    public static nint MapPrivate(nuint lengthBytes)
    {
        nint address = MapRaw(
            0, lengthBytes, LibcConstants.ProtectionReadWrite,
            LibcConstants.MapPrivate | LibcConstants.MapAnonymous | LibcConstants.MapNoReserve, -1, 0);
        return address == -1 ? -Marshal.GetLastPInvokeError() : address;
    }

    public static int Unmap(nint address, nuint lengthBytes) => Result(UnmapRaw(address, lengthBytes));

    /// <summary>Asks for huge pages; without effect where the system has none.</summary>
    public static void AdviseHugePages(nint address, long lengthBytes) =>
        _ = AdviseRaw(address, (nuint)lengthBytes, LibcConstants.AdviseHugePage);

    public static int Open(string path, int flags)
    {
        byte[] text = Terminated(path);
        fixed (byte* pointer = text)
            return Result(OpenRaw(pointer, flags | LibcConstants.OpenCloseOnExec, 0));
    }

    public static int Close(int file) => Result(CloseRaw(file));

    public static int Status(string path, out FileStatus status)
    {
        byte[] text = Terminated(path);
        fixed (byte* pointer = text)
        fixed (FileStatus* into = &status)
        {
            return Result(StatusRaw(
                LibcConstants.AtCurrentDirectory, pointer, 0, StatusMask, into));
        }
    }

    public static int Status(int file, out FileStatus status)
    {
        byte nothing = 0;
        fixed (FileStatus* into = &status)
        {
            return Result(StatusRaw(
                file, &nothing, LibcConstants.AtEmptyPath, StatusMask, into));
        }
    }

    public static int Control(int file, ulong request, out int value)
    {
        fixed (int* into = &value) return Result(ControlRaw(file, request, into));
    }

    public static int Control(int file, ulong request, out ulong value)
    {
        fixed (ulong* into = &value) return Result(ControlRaw(file, request, into));
    }

    public static int Discard(int file, long offsetBytes, long lengthBytes)
    {
        ulong* range = stackalloc ulong[] { (ulong)offsetBytes, (ulong)lengthBytes };
        return Result(ControlRaw(file, LibcConstants.BlockDiscard, range));
    }

    public static int Lock(int file, int operation) => Result(LockRaw(file, operation));

    /// <summary>
    /// Lets the process open as many files as it may: a session is a file, and the usual soft limit is 1024.
    /// </summary>
    public static void RaiseOpenFilesLimit()
    {
        ulong* limit = stackalloc ulong[2];
        if (GetLimitRaw(LibcConstants.LimitOpenFiles, limit) < 0 || limit[0] >= limit[1]) return;
        limit[0] = limit[1];
        _ = SetLimitRaw(LibcConstants.LimitOpenFiles, limit);
    }

    public static int EventCreate() => Result(EventRaw(0, LibcConstants.EventCloseOnExec));

    public static int EventSignal(int file)
    {
        ulong one = 1;
        return Result((int)WriteRaw(file, &one, sizeof(ulong)));
    }

    public static int FillRandom(Span<byte> destination)
    {
        fixed (byte* pointer = destination)
            return Result((int)RandomRaw(pointer, (nuint)destination.Length, 0));
    }

    public static int Socket(int family) =>
        Result(SocketRaw(family, LibcConstants.SocketStream | LibcConstants.SocketCloseOnExec, 0));

    public static int Bind(int file, void* address, uint addressBytes) =>
        Result(BindRaw(file, address, addressBytes));

    public static int Listen(int file, int backlog) => Result(ListenRaw(file, backlog));

    public static int Shutdown(int file) => Result(ShutdownRaw(file, LibcConstants.ShutdownBoth));

    public static int SetOption(int file, int level, int option, int value) =>
        Result(SetOptionRaw(file, level, option, &value, sizeof(int)));

    public static int SetOption(int file, int level, int option, ReadOnlySpan<byte> value)
    {
        fixed (byte* pointer = value)
            return Result(SetOptionRaw(file, level, option, pointer, (uint)value.Length));
    }

    public static int LocalName(int file, void* address, uint* addressBytes) =>
        Result(LocalNameRaw(file, address, addressBytes));

    public static int PeerName(int file, void* address, uint* addressBytes) =>
        Result(PeerNameRaw(file, address, addressBytes));

    /// <summary>What the C library says of an errno: "No such file or directory".</summary>
    public static string Describe(int errno) => Marshal.GetPInvokeErrorMessage(errno);

    private static int Result(nint result) => result == -1 ? -Marshal.GetLastPInvokeError() : (int)result;

    private static byte[] Terminated(string text)
    {
        byte[] bytes = new byte[Encoding.UTF8.GetByteCount(text) + 1];
        Encoding.UTF8.GetBytes(text, bytes);
        return bytes;
    }

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial nint SystemCall2(nint number, nint a, nint b);

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial nint SystemCall4(nint number, nint a, nint b, nint c, nint d);

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial nint SystemCall6(nint number, nint a, nint b, nint c, nint d, nint e, nint f);

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    private static partial nint MapRaw(
        nint address, nuint length, int protection, int flags, int file, long offset);

    [LibraryImport("libc", EntryPoint = "munmap", SetLastError = true)]
    private static partial int UnmapRaw(nint address, nuint length);

    [LibraryImport("libc", EntryPoint = "madvise", SetLastError = true)]
    private static partial int AdviseRaw(nint address, nuint length, int advice);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true)]
    private static partial int OpenRaw(byte* path, int flags, int mode);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    private static partial int CloseRaw(int file);

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true)]
    private static partial int StatusRaw(int directory, byte* path, int flags, uint mask, FileStatus* status);

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    private static partial int ControlRaw(int file, ulong request, void* argument);

    [LibraryImport("libc", EntryPoint = "flock", SetLastError = true)]
    private static partial int LockRaw(int file, int operation);

    [LibraryImport("libc", EntryPoint = "getrlimit", SetLastError = true)]
    private static partial int GetLimitRaw(int resource, ulong* limit);

    [LibraryImport("libc", EntryPoint = "setrlimit", SetLastError = true)]
    private static partial int SetLimitRaw(int resource, ulong* limit);

    [LibraryImport("libc", EntryPoint = "eventfd", SetLastError = true)]
    private static partial int EventRaw(uint value, int flags);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    private static partial nint WriteRaw(int file, void* from, nuint length);

    [LibraryImport("libc", EntryPoint = "getrandom", SetLastError = true)]
    private static partial nint RandomRaw(void* into, nuint length, uint flags);

    [LibraryImport("libc", EntryPoint = "socket", SetLastError = true)]
    private static partial int SocketRaw(int family, int type, int protocol);

    [LibraryImport("libc", EntryPoint = "bind", SetLastError = true)]
    private static partial int BindRaw(int file, void* address, uint length);

    [LibraryImport("libc", EntryPoint = "listen", SetLastError = true)]
    private static partial int ListenRaw(int file, int backlog);

    [LibraryImport("libc", EntryPoint = "shutdown", SetLastError = true)]
    private static partial int ShutdownRaw(int file, int how);

    [LibraryImport("libc", EntryPoint = "setsockopt", SetLastError = true)]
    private static partial int SetOptionRaw(int file, int level, int option, void* value, uint length);

    [LibraryImport("libc", EntryPoint = "getsockname", SetLastError = true)]
    private static partial int LocalNameRaw(int file, void* address, uint* length);

    [LibraryImport("libc", EntryPoint = "getpeername", SetLastError = true)]
    private static partial int PeerNameRaw(int file, void* address, uint* length);
}
