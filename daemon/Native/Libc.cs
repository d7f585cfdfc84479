using System.Runtime.InteropServices;

namespace Cstor.Daemon.Native;

/// <summary>
/// The few system calls of the daemon's own that the framework does not offer: directories cannot be flushed
/// by it, block devices have no length, files that a pool has locked cannot be opened for reading, and a
/// write to a pipe that nobody reads is not reported.
/// </summary>
internal static unsafe partial class Libc
{
    public const int OpenReadOnly = 0;
    public const int OpenDirectory = 0x10000;
    public const int OpenDirect = 0x4000;
    public const int OpenCloseOnExec = 0x80000;
    public const int SeekEnd = 2;

    /// <summary>What the last failed call on this thread complained about.</summary>
    public static string LastError => Marshal.GetLastPInvokeErrorMessage();

    [LibraryImport(
        "libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    public static partial int Flush(int file);

    [LibraryImport("libc", EntryPoint = "close")]
    public static partial int Close(int file);

    [LibraryImport("libc", EntryPoint = "lseek", SetLastError = true)]
    public static partial long Seek(int file, long offset, int whence);

    [LibraryImport("libc", EntryPoint = "pread", SetLastError = true)]
    public static partial nint Read(int file, byte* into, nuint count, long offset);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    public static partial nint Write(int file, byte* from, nuint count);
}
