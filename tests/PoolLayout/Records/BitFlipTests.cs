using System.Runtime.InteropServices;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Checksums;
using Cstor.PoolLayout.Labels;
using Cstor.PoolLayout.Printing;
using Cstor.PoolLayout.Records;
using Xunit;

namespace Cstor.Tests.PoolLayout.Records;

/// <summary>
/// Every bit of every structure is flipped in turn: something must notice, and nothing may throw.
/// </summary>
public sealed class BitFlipTests
{
    [Fact]
    public void An_uberblock_notices_each_bit() => EachFlip(
        RecordExamples.UberblockBytes(), bytes => Uberblock.TryRead(bytes, out _) is not null);

    [Fact]
    public void A_label_notices_each_bit_of_header_text_and_padding()
    {
        byte[] block = RecordExamples.LabelBytes();
        byte[] sector = block[..Layout.SectorBytes];
        EachFlip(sector, bytes =>
        {
            bytes.CopyTo(block, 0);
            LabelCondition condition = LabelBlock.Read(block, out PoolLabel? label, out _);
            return condition != LabelCondition.Whole && label is null;
        });
    }

    [Fact]
    public void A_log_group_notices_each_bit_of_header_and_records()
    {
        byte[] group = RecordExamples.GroupBytes();
        byte[] scratch = new byte[LogGroupHeader.Bytes];
        LogGroupHeader.TryReadHeader(group, out LogGroupHeader whole);
        Assert.True(LogGroupHeader.ChecksumHolds(group, whole, scratch));
        byte[] covered = group[..(LogGroupHeader.Bytes + (int)whole.RecordBytes)];
        EachFlip(covered, bytes =>
        {
            bytes.CopyTo(group, 0);
            return LogGroupHeader.TryReadHeader(group, out LogGroupHeader header) is not null
                || header.TotalBytes > group.Length
                || !LogGroupHeader.ChecksumHolds(group, header, scratch);
        });
    }

    [Fact]
    public void What_hangs_from_a_pointer_is_noticed_by_its_checksum()
    {
        foreach (byte[] block in new[]
        {
            RecordExamples.DatasetBytes(), RecordExamples.SpaceLogBytes(), RecordExamples.NodeBytes()[..512],
        })
        {
            Hash128 checksum = Xxh128.Compute(block);
            EachFlip(block, bytes => !RecordExamples.Holds(bytes, checksum));
        }
    }

    [Fact]
    public void A_pointer_with_a_flipped_bit_is_refused_or_says_something_else()
    {
        BlockPointer whole = RecordExamples.Pointer;
        EachFlip(RecordExamples.BytesOf(whole), bytes =>
        {
            BlockPointer flipped = MemoryMarshal.Read<BlockPointer>(bytes);
            return flipped.Validate() is not null || flipped.ToString() != whole.ToString();
        });
    }

    [Fact]
    public void A_hole_with_any_bit_set_is_no_hole()
    {
        byte[] hole = new byte[BlockPointer.Bytes];
        EachFlip(hole, bytes => MemoryMarshal.Read<BlockPointer>(bytes).Validate() is not null);
    }

    [Fact]
    public void A_dataset_record_with_a_flipped_bit_is_refused_or_says_something_else()
    {
        byte[] whole = RecordExamples.DatasetBytes();
        EachFlip(whole, bytes =>
        {
            if (DatasetRecord.TryRead(bytes, out DatasetRecord record) is not null) return true;
            byte[] again = new byte[DatasetRecord.Bytes];
            record.Write(again);
            return again.AsSpan().SequenceEqual(bytes);
        });
    }

    [Fact]
    public void A_space_log_block_with_a_flipped_bit_is_refused_or_says_something_else()
    {
        using StringWriter whole = new();
        StructurePrinter.DescribeSpaceLog(whole, RecordExamples.SpaceLogBytes());
        EachFlip(RecordExamples.SpaceLogBytes(), bytes =>
        {
            if (SpaceLogHeader.TryRead(bytes, out SpaceLogHeader header) is not null) return true;
            Assert.InRange(header.TotalBytes, SpaceLogHeader.Bytes, bytes.Length);
            using StringWriter text = new();
            StructurePrinter.DescribeSpaceLog(text, bytes);
            return text.ToString() != whole.ToString();
        });
    }

    [Fact]
    public void Noise_is_none_of_the_structures_and_harms_none_of_them()
    {
        byte[] bytes = new byte[Layout.LabelConfigBytes];
        for (int seed = 0; seed < 300; seed++)
        {
            new Random(seed).NextBytes(bytes);
            Assert.NotNull(Uberblock.TryRead(bytes.AsSpan(0, 4096), out _));
            Assert.NotNull(DatasetRecord.TryRead(bytes.AsSpan(0, 4096), out _));
            Assert.NotNull(LogGroupHeader.TryReadHeader(bytes, out _));
            Assert.NotNull(LogRecordHeader.TryRead(bytes, out _));
            Assert.NotNull(SpaceLogHeader.TryRead(bytes, out _));
            Assert.NotNull(MemoryMarshal.Read<BlockPointer>(bytes).Validate());
            Assert.NotEqual(LabelCondition.Whole, LabelBlock.Read(bytes, out _, out _));
        }
    }

    private static void EachFlip(byte[] bytes, Func<byte[], bool> isNoticed)
    {
        for (int bit = 0; bit < 8 * bytes.Length; bit++)
        {
            bytes[bit >> 3] ^= (byte)(1 << (bit & 7));
            if (!isNoticed(bytes)) Assert.Fail($"bit {bit & 7} of byte {bit >> 3} went unnoticed");
            bytes[bit >> 3] ^= (byte)(1 << (bit & 7));
        }
    }
}
