using System.Globalization;
using Cstor.PoolLayout.Streams;

namespace Cstor.PoolLayout.Printing;

/// <summary>The structures of a stream, as fields and as text for people.</summary>
public static class StreamPrinter
{
    public static IReadOnlyList<FieldRow> Of(in StreamRecordHeader header) => new FieldList()
        .Magic("magic", header.Magic)
        .Number(2, "version", (ulong)header.Version)
        .Enum(1, "kind", header.Kind)
        .Enum(1, "compression", header.Compression)
        .Number(4, "payload-bytes", (ulong)header.PayloadBytes)
        .Number(8, "sequence", header.Sequence)
        .Number(8, "block", header.Block)
        .Number(8, "block-count", header.BlockCount)
        .Reserved(8, "reserved0", header.Reserved0 == 0)
        .Hash("payload-checksum", header.PayloadChecksum)
        .Hash("content-hash", header.ContentHash)
        .Hash("checksum", header.Checksum)
        .Rows;

    public static IReadOnlyList<FieldRow> Of(StreamBegin begin) => new FieldList()
        .Guid("volume-id", begin.VolumeId)
        .Guid("from-id", begin.FromId)
        .Guid("to-id", begin.ToId)
        .Hash("from-content-hash", begin.FromContentHash)
        .Number(8, "size-bytes", begin.SizeBytes)
        .Time("created-unix-nanoseconds", begin.CreatedUnixNanoseconds)
        .Number(8, "first-block", begin.FirstBlock)
        .Number(1, "block-shift", (ulong)begin.BlockShift)
        .Enum(1, "compression", begin.Compression)
        .Number(1, "compression-level", (ulong)begin.CompressionLevel)
        .Number(1, "snapshot-bytes", (ulong)StreamBegin.BytesOf(begin.Snapshot))
        .Number(1, "source-bytes", (ulong)StreamBegin.BytesOf(begin.Source))
        .Number(1, "feature-bytes", (ulong)StreamBegin.BytesOf(begin.Features))
        .ReservedTo(StreamBegin.SnapshotOffset)
        .Text(StreamBegin.TextMaximumBytes + 1, "snapshot", Words.Quoted(begin.Snapshot))
        .Text(StreamBegin.TextMaximumBytes + 1, "source", Words.Quoted(begin.Source))
        .Text(StreamBegin.FeatureMaximumBytes + 1, "features", Words.Quoted(begin.Features))
        .Rows;

    /// <summary>One line for a record, and all fields of the beginning.</summary>
    /// <param name="output">Where to.</param>
    /// <param name="header">As it was read; its hash held.</param>
    /// <param name="payload">What follows it; its hash held.</param>
    public static void Describe(
        TextWriter output, in StreamRecordHeader header, ReadOnlySpan<byte> payload)
    {
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"{header.Sequence,8} {TextOf(header)}"));
        if (header.Kind != StreamRecordKind.Begin) return;
        string? reason = StreamBegin.TryRead(payload, out StreamBegin? begin);
        if (begin is null) output.WriteLine($"         INVALID ({reason})");
        else StructurePrinter.Describe(output, Of(begin));
    }

    private static string TextOf(in StreamRecordHeader header) => header.Kind switch
    {
        StreamRecordKind.Data => $"data block {header.Block}: {header.PayloadBytes} bytes "
            + $"{Words.Of($"{header.Compression}")}, content {header.ContentHash}",
        StreamRecordKind.Holes => $"holes {header.Block} +{header.BlockCount}",
        StreamRecordKind.End => $"end: {header.Block} blocks, {header.BlockCount} holes, "
            + $"content {header.ContentHash}",
        _ => Words.Of($"{header.Kind}"),
    };
}
