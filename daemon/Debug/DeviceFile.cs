using System.Runtime.InteropServices;
using Cstor.Daemon.Native;
using Cstor.Engine.Host;
using Cstor.PoolLayout;

namespace Cstor.Daemon.Debug;

/// <summary>
/// A device opened for looking: read-only, past the page cache where that is possible so that it shows what
/// the disk holds, and without heeding the lock of a daemon that has it open.
/// </summary>
internal sealed unsafe class DeviceFile : IDisposable
{
    private const int BufferBytes = 1024 * 1024;

    private readonly int _file;
    private readonly byte* _buffer;

    private DeviceFile(string path, int file, long sizeBytes)
    {
        Path = path;
        SizeBytes = sizeBytes;
        _file = file;
        _buffer = (byte*)NativeMemory.AlignedAlloc(BufferBytes, Layout.SectorBytes);
    }

    public string Path { get; }

    /// <summary>Rounded down to the sector.</summary>
    public long SizeBytes { get; }

    public static Outcome<DeviceFile> Open(string path)
    {
        int file = Libc.Open(path, Libc.OpenReadOnly | Libc.OpenDirect | Libc.OpenCloseOnExec);
        if (file < 0) file = Libc.Open(path, Libc.OpenReadOnly | Libc.OpenCloseOnExec);
        if (file < 0)
        {
            return new Fault("device-open", $"cannot open {path}: {Libc.LastError}", "Name a device or file");
        }
        long size = Libc.Seek(file, 0, Libc.SeekEnd) & -Layout.SectorBytes;
        if (size >= Layout.LabelCount * (long)Layout.LabelBytes) return new DeviceFile(path, file, size);
        _ = Libc.Close(file);
        return new Fault(
            "device-small", $"{path} is too small to hold labels", "Name a device or file of a pool");
    }

    /// <summary>Reads whole sectors.</summary>
    /// <param name="offset">A multiple of the sector.</param>
    /// <param name="length">A multiple of the sector.</param>
    public Outcome<byte[]> Read(long offset, int length)
    {
        if (offset < 0 || offset > SizeBytes - length)
        {
            return new Fault("device-range", $"{Path}: {length} bytes at {offset} lie beyond its end");
        }
        byte[] result = new byte[length];
        for (int done = 0; done < length;)
        {
            int wanted = Math.Min(length - done, BufferBytes);
            nint got = Libc.Read(_file, _buffer, (nuint)wanted, offset + done);
            if (got <= 0)
            {
                string reason = got < 0 ? Libc.LastError : "it ends there";
                return new Fault("device-read", $"{Path}: cannot read at {offset + done}: {reason}");
            }
            new ReadOnlySpan<byte>(_buffer, (int)got).CopyTo(result.AsSpan(done));
            done += (int)got;
        }
        return result;
    }

    public void Dispose()
    {
        _ = Libc.Close(_file);
        NativeMemory.AlignedFree(_buffer);
    }
}
