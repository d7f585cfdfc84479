using Cstor.Engine.Host;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Checksums;
using Cstor.PoolLayout.Printing;
using Cstor.PoolLayout.Streams;

namespace Cstor.Daemon.Debug;

/// <summary>Prints the records of a stream in a file up to the first that is wrong.</summary>
internal sealed class StreamWalker(string path, TextWriter output)
{
    /// <returns>Why the file is no whole stream, or null.</returns>
    public Fault? PrintAll()
    {
        try
        {
            using FileStream file = new(path, FileMode.Open, FileAccess.Read);
            return PrintAll(file);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return new Fault("stream-open", $"{path}: {exception.Message}", "Name a file");
        }
    }

    private Fault? PrintAll(FileStream file)
    {
        byte[] head = new byte[StreamRecordHeader.Bytes];
        byte[] payload = new byte[StreamRecordHeader.MaximumPayloadBytes];
        Hash128 previous = default;
        for (ulong sequence = 0; ; sequence++)
        {
            if (file.ReadAtLeast(head, head.Length, false) < head.Length) return Broken(sequence, "it ends");
            string? reason =
                StreamRecordHeader.TryRead(head, sequence, previous, out StreamRecordHeader header);
            if (reason is not null) return Broken(sequence, reason);
            Span<byte> bytes = payload.AsSpan(0, (int)header.PayloadBytes);
            if (file.ReadAtLeast(bytes, bytes.Length, false) < bytes.Length)
            {
                return Broken(sequence, "it ends");
            }
            if (!bytes.IsEmpty && Xxh128.Compute(bytes) != header.PayloadChecksum)
            {
                return Broken(sequence, "payload checksum mismatch");
            }
            StreamPrinter.Describe(output, header, bytes);
            if (header.Kind == StreamRecordKind.End) return null;
            previous = header.Checksum;
        }
    }

    private Fault Broken(ulong sequence, string reason) => new(
        "stream-damaged", $"{path}: record {sequence}: {reason}", "What is before it is whole");
}
