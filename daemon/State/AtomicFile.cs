using System.Runtime.InteropServices;

namespace Cstor.Daemon.State;

/// <summary>
/// Replaces a file so that a crash at any point leaves the old content or the new: written beside it, made
/// durable, renamed over it, and the directory made durable too, because the rename is a change of the
/// directory.
/// </summary>
internal static partial class AtomicFile
{
    private const int OpenDirectory = 0x10000 | 0x80000;

    public static void Write(string path, ReadOnlySpan<byte> content)
    {
        string beside = path + ".new";
        using (FileStream file = new(beside, FileMode.Create, FileAccess.Write, FileShare.None))
        {
            file.Write(content);
            file.Flush(flushToDisk: true);
        }
        File.Move(beside, path, overwrite: true);
        FlushDirectory(Path.GetDirectoryName(path)!);
    }

    private static void FlushDirectory(string path)
    {
        int directory = Open(path, OpenDirectory);
        if (directory < 0)
        {
            throw new IOException($"cannot open {path}: {Marshal.GetLastPInvokeErrorMessage()}");
        }
        int result = Flush(directory);
        string reason = Marshal.GetLastPInvokeErrorMessage();
        _ = Close(directory);
        if (result < 0) throw new IOException($"cannot flush {path}: {reason}");
    }

    [LibraryImport(
        "libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Flush(int file);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int file);
}
