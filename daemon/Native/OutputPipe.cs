using System.Runtime.InteropServices;

namespace Cstor.Daemon.Native;

/// <summary>
/// Standard output for bytes. The framework's own swallows the news that nobody reads any more, and a stream
/// would go on into nothing.
/// </summary>
internal sealed unsafe class OutputPipe : Stream
{
    private const int StandardOutput = 1;
    private const int Interrupted = 4;

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <exception cref="IOException">Nobody reads, or there is no room.</exception>
    public override void Write(ReadOnlySpan<byte> buffer)
    {
        while (!buffer.IsEmpty)
        {
            nint written;
            fixed (byte* from = buffer) written = Libc.Write(StandardOutput, from, (nuint)buffer.Length);
            if (written > 0) buffer = buffer[(int)written..];
            else if (Marshal.GetLastPInvokeError() != Interrupted) throw new IOException(Libc.LastError);
        }
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Flush()
    {
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();
}
