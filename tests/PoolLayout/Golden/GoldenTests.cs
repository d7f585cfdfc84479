using System.Runtime.InteropServices;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Labels;
using Cstor.PoolLayout.Printing;
using Cstor.PoolLayout.Records;
using Cstor.Tests.PoolLayout.Records;
using Xunit;

namespace Cstor.Tests.PoolLayout.Golden;

public sealed class GoldenTests
{
    [Fact]
    public void Block_pointer() => GoldenText.Check(
        "block-pointer",
        Fields(RecordFields.Of(RecordExamples.Pointer)),
        RecordExamples.BytesOf(RecordExamples.Pointer));

    [Fact]
    public void Uberblock()
    {
        byte[] bytes = RecordExamples.UberblockBytes();
        GoldenText.Check("uberblock", Print(it => StructurePrinter.DescribeUberblock(it, bytes)), bytes);
        byte[] golden = GoldenText.BytesOf("uberblock");
        Assert.Null(Cstor.PoolLayout.Records.Uberblock.TryRead(golden, out Uberblock read));
        Assert.Equal(RecordExamples.Uberblock with { Checksum = read.Checksum }, read);
    }

    [Fact]
    public void Scan_record() => GoldenText.Check(
        "scan-record",
        Fields(RecordFields.Of(RecordExamples.Scan)),
        RecordExamples.BytesOf(RecordExamples.Scan));

    [Fact]
    public void Dataset_record()
    {
        byte[] bytes = RecordExamples.DatasetBytes();
        GoldenText.Check("dataset-record", Print(it => StructurePrinter.DescribeDataset(it, bytes)), bytes);
        Assert.Null(DatasetRecord.TryRead(GoldenText.BytesOf("dataset-record"), out DatasetRecord read));
        Assert.Equal("tank/database-0", read.Name);
        Assert.Equal("owner=postgres\nsector=512\n", read.Properties);
    }

    [Fact]
    public void Log_group()
    {
        byte[] bytes = RecordExamples.GroupBytes();
        GoldenText.Check("log-group", Print(it => StructurePrinter.DescribeGroup(it, bytes)), bytes);
        byte[] golden = GoldenText.BytesOf("log-group");
        Assert.Null(LogGroupHeader.TryReadHeader(golden, out LogGroupHeader read));
        Assert.True(LogGroupHeader.ChecksumHolds(golden, read, new byte[LogGroupHeader.Bytes]));
    }

    [Fact]
    public void Log_records()
    {
        GoldenText.Check(
            "log-write-record",
            Fields(RecordFields.Of(RecordExamples.Write)),
            RecordExamples.BytesOf(RecordExamples.Write));
        GoldenText.Check(
            "log-unmap-record",
            Fields(RecordFields.Of(RecordExamples.Unmap)),
            RecordExamples.BytesOf(RecordExamples.Unmap));
        GoldenText.Check(
            "log-snapshot-record",
            Fields(RecordFields.Of(RecordExamples.Snapshot)),
            RecordExamples.BytesOf(RecordExamples.Snapshot));
        GoldenText.Check(
            "log-part-record",
            Fields(RecordFields.Of(RecordExamples.Part)),
            RecordExamples.BytesOf(RecordExamples.Part));
        GoldenText.Check(
            "log-position-record",
            Fields(RecordFields.Of(RecordExamples.Position)),
            RecordExamples.BytesOf(RecordExamples.Position));
        GoldenText.Check(
            "log-rollback-record",
            Fields(RecordFields.Of(RecordExamples.Rollback)),
            RecordExamples.BytesOf(RecordExamples.Rollback));
        GoldenText.Check(
            "log-record-header",
            Fields(RecordFields.Of(RecordExamples.RecordHeader)),
            RecordExamples.BytesOf(RecordExamples.RecordHeader));
    }

    [Fact]
    public void Space_log_block()
    {
        byte[] bytes = RecordExamples.SpaceLogBytes();
        GoldenText.Check("space-log", Print(it => StructurePrinter.DescribeSpaceLog(it, bytes)), bytes);
        Assert.Null(SpaceLogHeader.TryRead(GoldenText.BytesOf("space-log"), out SpaceLogHeader read));
        Assert.Equal(2u, read.EntryCount);
        GoldenText.Check(
            "space-log-entry",
            Fields(RecordFields.Of(RecordExamples.SpaceEntry)),
            RecordExamples.BytesOf(RecordExamples.SpaceEntry));
    }

    [Fact]
    public void Label()
    {
        byte[] bytes = RecordExamples.LabelBytes();
        GoldenText.Check("label", Print(it => StructurePrinter.DescribeLabel(it, bytes)), bytes);
        byte[] golden = GoldenText.BytesOf("label");
        Assert.Equal(LabelCondition.Whole, LabelBlock.Read(golden, out PoolLabel? read, out _));
        Assert.True(read!.SaysTheSameAs(RecordExamples.Label));
    }

    [Fact]
    public void Node()
    {
        byte[] bytes = RecordExamples.NodeBytes();
        GoldenText.Check("node", Print(it => StructurePrinter.DescribeNode(it, bytes, 1, 512)), bytes);
        ReadOnlySpan<byte> golden = GoldenText.BytesOf("node");
        Assert.Equal(RecordExamples.Pointer, MemoryMarshal.Cast<byte, BlockPointer>(golden)[2]);
    }

    [Fact]
    public void Sizes_and_places_that_the_format_fixes()
    {
        Assert.Equal(2u, Layout.FormatVersion);
        Assert.Equal(4096, Layout.SectorBytes);
        Assert.Equal(262_144, Layout.LabelBytes);
        Assert.Equal(4, Layout.LabelCount);
        Assert.Equal(16_384, Layout.LabelConfigOffset);
        Assert.Equal(114_688, Layout.LabelConfigBytes);
        Assert.Equal(131_072, Layout.UberblockRingOffset);
        Assert.Equal(32, Layout.UberblockSlots);
        Assert.Equal(524_288, Layout.DataStartBytes);
        Assert.Equal(16_384, Layout.NodeBytes);
        Assert.Equal(256, Layout.NodeFanout);
        Assert.Equal(32_768, Layout.RegionSectors);
        Assert.Equal(1_048_576, Layout.LogSegmentBytes);
        Assert.Equal(131_072, Layout.LogGroupMaximumBytes);
        Assert.Equal([0L, 262_144, 66_584_576, 66_846_720], Enumerable.Range(0, 4)
            .Select(label => LabelBlock.OffsetOf((64L << 20) + 4096, label)));
    }

    [Fact]
    public void A_file_that_differs_fails_and_says_where_and_what_to_do()
    {
        byte[] bytes = RecordExamples.BytesOf(RecordExamples.SpaceEntry);
        bytes[8]++;
        string fields = Fields(RecordFields.Of(RecordExamples.SpaceEntry));
        string? difference = GoldenText.Difference("space-log-entry", fields, bytes);
        Assert.Contains("CSTOR_UPDATE_GOLDEN=1", difference);
        Assert.Contains("is: 000000", difference);
        Assert.NotNull(GoldenText.Difference("no-such-file", fields, bytes));
    }

    private static string Fields(IReadOnlyList<FieldRow> rows) =>
        Print(output => StructurePrinter.Describe(output, rows));

    private static string Print(Action<TextWriter> print)
    {
        using StringWriter output = new() { NewLine = "\n" };
        print(output);
        return output.ToString();
    }
}
