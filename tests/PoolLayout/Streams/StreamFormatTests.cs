using System.Globalization;
using System.Runtime.InteropServices;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Checksums;
using Cstor.PoolLayout.Printing;
using Cstor.PoolLayout.Streams;
using Cstor.Tests.PoolLayout.Golden;
using Cstor.Tests.Tidy;
using Xunit;

namespace Cstor.Tests.PoolLayout.Streams;

/// <summary>The bytes of a stream, fixed by golden text and told by the document.</summary>
public sealed class StreamFormatTests
{
    [Fact]
    public void Each_record_is_as_the_golden_text_says()
    {
        byte[][] records = StreamExamples.Records();
        string[] names = ["stream-begin", "stream-data", "stream-holes", "stream-end"];
        for (int i = 0; i < records.Length; i++)
        {
            StreamRecordHeader header = MemoryMarshal.Read<StreamRecordHeader>(records[i]);
            using StringWriter output = new() { NewLine = "\n" };
            StreamPrinter.Describe(output, header, records[i].AsSpan(StreamRecordHeader.Bytes));
            StructurePrinter.Describe(output, StreamPrinter.Of(header));
            GoldenText.Check(names[i], output.ToString(), records[i]);
        }
    }

    [Fact]
    public void The_document_has_the_structures()
    {
        Same("StreamRecordHeader", StreamRecordHeader.Bytes, StreamPrinter.Of(default(StreamRecordHeader)));
        Same("StreamBegin", StreamBegin.Bytes, StreamPrinter.Of(StreamExamples.Begin));
    }

    [Fact]
    public void What_was_written_is_read()
    {
        Assert.Null(StreamBegin.TryRead(StreamExamples.BeginBytes(), out StreamBegin? begin));
        Assert.Equal(StreamExamples.Begin, begin);
        Assert.Null(Read(StreamExamples.Records()));
    }

    [Fact]
    public void Each_bit_of_a_stream_counts()
    {
        byte[][] records = StreamExamples.Records();
        foreach (byte[] record in records)
        {
            for (int bit = 0; bit < record.Length * 8; bit++)
            {
                record[bit / 8] ^= (byte)(1 << (bit % 8));
                Assert.NotNull(Read(records));
                record[bit / 8] ^= (byte)(1 << (bit % 8));
            }
        }

        Assert.Null(Read(records));
    }

    [Fact]
    public void Records_left_out_repeated_or_out_of_order_are_noticed()
    {
        byte[][] records = StreamExamples.Records();
        Assert.NotNull(Read([records[0], records[2], records[3]]));
        Assert.NotNull(Read([records[0], records[1], records[1], records[2], records[3]]));
        Assert.NotNull(Read([records[0], records[2], records[1], records[3]]));
        Assert.NotNull(Read(records[..3]));
    }

    [Fact]
    public void Each_field_of_a_beginning_is_checked()
    {
        byte[] right = StreamExamples.BeginBytes();
        (int Offset, byte Value)[] wrong =
        [
            (71, 0x80), (64, 1), (87, 1), (88, 11), (88, 18), (89, 3), (90, 20), (91, 0), (93, 200), (94, 1),
            (127, 1), (128, 7), (128 + 255, 1), (384 + 200, 1), (640, 1),
        ];
        foreach ((int offset, byte value) in wrong)
        {
            byte[] bytes = [.. right];
            bytes[offset] = value;
            Assert.True(StreamBegin.TryRead(bytes, out _) is not null, $"{value} at {offset}");
        }
    }

    [Theory]
    [InlineData(StreamRecordKind.Data, 0, 1, 0)]
    [InlineData(StreamRecordKind.Data, 200_000, 1, 0)]
    [InlineData(StreamRecordKind.Data, 4096, 2, 0)]
    [InlineData(StreamRecordKind.Data, 4096, 1, 9)]
    [InlineData(StreamRecordKind.Holes, 0, 0, 0)]
    [InlineData(StreamRecordKind.Holes, 0, ulong.MaxValue, 0)]
    [InlineData(StreamRecordKind.Holes, 1, 1, 0)]
    [InlineData(StreamRecordKind.End, 1, 0, 0)]
    [InlineData(StreamRecordKind.Begin, 700, 0, 0)]
    [InlineData((StreamRecordKind)5, 0, 0, 0)]
    public void Fields_that_make_no_sense_are_refused(
        StreamRecordKind kind, uint payloadBytes, ulong blockCount, byte compression)
    {
        StreamRecordHeader header = new()
        {
            Kind = kind, PayloadBytes = payloadBytes, Block = 3, BlockCount = blockCount,
            Compression = (CompressionKind)compression,
        };
        Assert.NotNull(header.Validate());
    }

    [Fact]
    public void Another_version_is_named()
    {
        byte[] record = StreamExamples.Records()[0];
        record[8] = 9;
        Assert.Contains("version 9", Read([record]), StringComparison.Ordinal);
    }

    // Reason why these records are no whole stream, or null.
    private static string? Read(byte[][] records)
    {
        Hash128 previous = default;
        ulong sequence = 0;
        StreamRecordKind last = default;
        foreach (byte[] record in records)
        {
            string? reason =
                StreamRecordHeader.TryRead(record, sequence++, previous, out StreamRecordHeader header);
            if (reason is not null) return reason;
            byte[] payload = record[StreamRecordHeader.Bytes..];
            if (payload.Length != header.PayloadBytes) return "payload length";
            if (payload.Length > 0 && Xxh128.Compute(payload) != header.PayloadChecksum) return "payload";
            if (header.Kind == StreamRecordKind.Begin && StreamBegin.TryRead(payload, out _) is { } wrong)
                return wrong;
            previous = header.Checksum;
            last = header.Kind;
        }

        return last == StreamRecordKind.End ? null : "no end";
    }

    private static void Same(string structure, int bytes, IReadOnlyList<FieldRow> rows)
    {
        string document = File.ReadAllText(Path.Combine(SourceTree.Root, "docs", "stream-format.md"));
        int at = document.IndexOf($"\n### {structure}\n", StringComparison.Ordinal);
        Assert.True(at >= 0, $"no section on {structure}");
        IEnumerable<(int, int, string)> table = document[(at + 5)..]
            .Split("\n#")[0]
            .Split('\n')
            .Where(line => line.StartsWith("| ", StringComparison.Ordinal) && char.IsAsciiDigit(line[2]))
            .Select(line => line.Split('|', StringSplitOptions.TrimEntries))
            .Select(cells => (Number(cells[1]), Number(cells[2]), cells[3]));
        Assert.Equal(rows.Select(row => (row.Offset, row.Bytes, row.Name)), table);
        Assert.Equal(bytes, rows[^1].Offset + rows[^1].Bytes);
    }

    private static int Number(string cell) => int.Parse(cell, CultureInfo.InvariantCulture);
}
