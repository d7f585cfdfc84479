using Cstor.Daemon.Native;

namespace Cstor.Daemon.State;

/// <summary>
/// Replaces a file so that a crash at any point leaves the old content or the new: written beside it, made
/// durable, renamed over it, and the directory made durable too, because the rename is a change of the
/// directory.
/// </summary>
internal static class AtomicFile
{
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
        int directory = Libc.Open(path, Libc.OpenDirectory | Libc.OpenCloseOnExec);
        if (directory < 0) throw new IOException($"cannot open {path}: {Libc.LastError}");
        int result = Libc.Flush(directory);
        string reason = Libc.LastError;
        _ = Libc.Close(directory);
        if (result < 0) throw new IOException($"cannot flush {path}: {reason}");
    }
}
