using Cstor.PoolLayout;
using Cstor.PoolLayout.Printing;
using Cstor.PoolLayout.Records;
using Cstor.Tests.PoolLayout.Records;
using Xunit;

namespace Cstor.Tests.PoolLayout.Printing;

public sealed class StructurePrinterTests
{
    [Fact]
    public void What_is_wrong_is_said_first()
    {
        byte[] uberblock = RecordExamples.UberblockBytes();
        uberblock[33] ^= 1;
        Assert.StartsWith("uberblock: INVALID (checksum mismatch)", Uberblock(uberblock));
        Assert.Contains("number                     298", Uberblock(uberblock));
        byte[] group = RecordExamples.GroupBytes();
        group[200] ^= 1;
        Assert.StartsWith("log group: INVALID (checksum mismatch)", Group(group, out int bytes));
        Assert.Equal(0, bytes);
        byte[] dataset = RecordExamples.DatasetBytes();
        dataset[4] = 40;
        Assert.StartsWith("dataset: INVALID (block of 2^40 bytes)", Dataset(dataset));
        byte[] label = RecordExamples.LabelBytes();
        label[100] ^= 1;
        Assert.Equal("label: damaged (checksum mismatch)\n", Label(label));
    }

    [Fact]
    public void Nothing_is_said_to_be_nothing()
    {
        Assert.Equal("uberblock: none (zeroes)\n", Uberblock(new byte[Layout.UberblockBytes]));
        Assert.Equal("label: blank (no label)\n", Label(new byte[Layout.LabelConfigBytes]));
        Assert.Equal("log group: INVALID (no magic)\n", Group(new byte[4096], out _));
        Assert.Equal("log group: INVALID (truncated)\n", Group(new byte[100], out _));
        Assert.Equal("level 2: 0 pointers, 256 holes\n", Node(new byte[Layout.NodeBytes], 2, 0));
    }

    [Fact]
    public void A_group_says_how_long_it_is_and_one_cut_off_is_called_truncated()
    {
        byte[] group = RecordExamples.GroupBytes();
        byte[] followed = [.. group, .. new byte[4096]];
        Assert.StartsWith("log group: valid", Group(followed, out int bytes));
        Assert.Equal(group.Length, bytes);
        Assert.StartsWith("log group: INVALID (truncated)", Group(group[..4096], out _));
    }

    [Fact]
    public void Records_that_make_no_sense_under_a_right_checksum_are_named()
    {
        byte[] group = RecordExamples.GroupBytes();
        LogGroupHeader.TryReadHeader(group, out LogGroupHeader header);
        group[LogGroupHeader.Bytes + LogWriteRecord.Bytes] = 77;
        header.Seal(group, new byte[LogGroupHeader.Bytes]);
        Assert.Contains("INVALID (unknown record kind 77); 5552 bytes not read", Group(group, out _));
    }

    [Fact]
    public void Upper_nodes_number_their_children_by_first_block()
    {
        string text = Node(RecordExamples.NodeBytes(), 2, 65536);
        Assert.Contains("node 65536: ", text);
        Assert.Contains("node 66048: ", text);
        Assert.Contains("node 130816: ", text);
    }

    [Fact]
    public void Pointers_that_cannot_be_right_are_marked()
    {
        byte[] node = RecordExamples.NodeBytes();
        node[26] = 99;
        Assert.StartsWith("block 0: INVALID (logical length 2^99)", Node(node, 1, 0));
    }

    [Fact]
    public void Control_characters_from_a_disk_do_not_reach_the_terminal()
    {
        DatasetRecord record = RecordExamples.Dataset;
        record.Name = "a\u001b[2Jb";
        record.Properties = "x=\u0007\ny=1\n";
        byte[] block = new byte[DatasetRecord.Bytes];
        record.Write(block);
        string text = Dataset(block);
        Assert.DoesNotContain('\u001b', text);
        Assert.DoesNotContain('\u0007', text);
        Assert.Contains("\"a?[2Jb\"", text);
        Assert.Contains("\"x=?; y=1\"", text);
    }

    [Fact]
    public void Noise_is_printed_without_harm()
    {
        byte[] noise = new byte[Layout.LabelConfigBytes];
        Random random = new(1);
        for (int round = 0; round < 200; round++)
        {
            random.NextBytes(noise);
            if (round % 2 == 0) RecordExamples.GroupBytes().AsSpan(0, 8).CopyTo(noise);
            if (round % 3 == 0) RecordExamples.UberblockBytes().AsSpan(0, 8).CopyTo(noise);
            if (round % 5 == 0) RecordExamples.SpaceLogBytes().AsSpan(0, 8).CopyTo(noise);
            Assert.NotEmpty(Uberblock(noise[..4096]));
            Assert.NotEmpty(Group(noise, out _));
            Assert.NotEmpty(Dataset(noise[..4096]));
            Assert.NotEmpty(SpaceLog(noise));
            Assert.NotEmpty(Node(noise[..Layout.NodeBytes], 3, 0));
            Assert.NotEmpty(Label(noise));
        }
    }

    private static string Uberblock(byte[] bytes) =>
        Print(it => StructurePrinter.DescribeUberblock(it, bytes));

    private static string Dataset(byte[] bytes) => Print(it => StructurePrinter.DescribeDataset(it, bytes));

    private static string SpaceLog(byte[] bytes) => Print(it => StructurePrinter.DescribeSpaceLog(it, bytes));

    private static string Label(byte[] bytes) => Print(it => StructurePrinter.DescribeLabel(it, bytes));

    private static string Node(byte[] bytes, int level, ulong firstBlock) =>
        Print(it => StructurePrinter.DescribeNode(it, bytes, level, firstBlock));

    private static string Group(byte[] bytes, out int length)
    {
        int described = 0;
        string text = Print(it => described = StructurePrinter.DescribeGroup(it, bytes));
        length = described;
        return text;
    }

    private static string Print(Action<TextWriter> print)
    {
        using StringWriter output = new() { NewLine = "\n" };
        print(output);
        return output.ToString();
    }
}
