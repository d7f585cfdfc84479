using Cstor.PoolLayout;
using Cstor.PoolLayout.Checksums;
using Cstor.PoolLayout.Streams;

namespace Cstor.Tests.PoolLayout.Streams;

/// <summary>One example of each record of a stream, with a value of its own in each field.</summary>
internal static class StreamExamples
{
    public static StreamBegin Begin => new()
    {
        VolumeId = new Guid("11111111-2222-3333-4444-555555555555"),
        FromId = new Guid("22222222-3333-4444-5555-666666666666"),
        ToId = new Guid("33333333-4444-5555-6666-777777777777"),
        FromContentHash = new Hash128(0x1122334455667788, 0x99AABBCCDDEEFF00),
        SizeBytes = 3L << 20,
        CreatedUnixNanoseconds = 1_800_000_000_123_456_700,
        FirstBlock = 17,
        BlockShift = 14,
        Compression = CompressionKind.Zstd,
        CompressionLevel = 7,
        Snapshot = "tuesday",
        Source = "tank/db@tuesday",
    };

    public static byte[] BeginBytes()
    {
        byte[] bytes = new byte[StreamBegin.Bytes];
        Begin.Write(bytes);
        return bytes;
    }

    /// <summary>The header of a record with this payload, sealed behind another one.</summary>
    public static StreamRecordHeader Header(
        StreamRecordKind kind, ulong sequence, ReadOnlySpan<byte> payload) => new()
    {
        Kind = kind,
        Sequence = sequence,
        PayloadBytes = (uint)payload.Length,
        PayloadChecksum = payload.IsEmpty ? default : Xxh128.Compute(payload),
    };

    /// <summary>A small whole stream, record by record: beginning, block, holes, end.</summary>
    public static byte[][] Records()
    {
        byte[] begin = BeginBytes();
        byte[] block = [.. Enumerable.Range(0, 300).Select(i => (byte)(i % 251))];
        Hash128 previous = default;
        return
        [
            Seal(Header(StreamRecordKind.Begin, 0, begin), begin, ref previous),
            Seal(Header(StreamRecordKind.Data, 1, block) with
            {
                Block = 20, BlockCount = 1, Compression = CompressionKind.Lz4,
                ContentHash = new Hash128(5, 6),
            }, block, ref previous),
            Seal(
                Header(StreamRecordKind.Holes, 2, []) with { Block = 21, BlockCount = 40 }, [], ref previous),
            Seal(Header(StreamRecordKind.End, 3, []) with
            {
                Block = 1, BlockCount = 40, ContentHash = new Hash128(7, 8),
            }, [], ref previous),
        ];
    }

    private static byte[] Seal(StreamRecordHeader header, byte[] payload, ref Hash128 previous)
    {
        byte[] record = new byte[StreamRecordHeader.Bytes + payload.Length];
        previous = header.Seal(record, previous);
        payload.CopyTo(record, StreamRecordHeader.Bytes);
        return record;
    }
}
