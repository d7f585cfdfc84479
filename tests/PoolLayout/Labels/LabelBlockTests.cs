using Cstor.PoolLayout;
using Cstor.PoolLayout.Labels;
using Xunit;

namespace Cstor.Tests.PoolLayout.Labels;

public sealed class LabelBlockTests
{
    [Fact]
    public void A_block_is_read_back_and_takes_whole_sectors()
    {
        byte[] block = new byte[Layout.LabelConfigBytes];
        int usedBytes = LabelBlock.Write(SampleLabel.Label, block);

        Assert.Equal(Layout.SectorBytes, usedBytes);
        Assert.Equal(LabelCondition.Whole, LabelBlock.Read(block, out PoolLabel? label, out string reason));
        Assert.Equal("", reason);
        Assert.True(label!.SaysTheSameAs(SampleLabel.Label));
        Assert.Equal(SampleLabel.Label.DeviceGuid, label.DeviceGuid);
        Assert.Equal(LabelCondition.Whole, LabelBlock.ReadText(block, out string text, out _));
        Assert.Equal(SampleLabel.Text, text);
    }

    [Fact]
    public void The_header_is_the_golden_one()
    {
        byte[] block = new byte[Layout.LabelConfigBytes];
        LabelBlock.Write(SampleLabel.Label, block);

        Assert.Equal("CSTORLB1"u8, block.AsSpan(0, 8));
        Assert.Equal("020000006d030000" + "2a00000000000000"
            + new string('0', 48), Convert.ToHexStringLower(block, 8, 40));
        Assert.Equal("cstor pool label\n"u8, block.AsSpan(64, 17));
    }

    [Fact]
    public void No_flipped_bit_of_the_written_sectors_goes_unnoticed()
    {
        byte[] block = new byte[Layout.LabelConfigBytes];
        int usedBytes = LabelBlock.Write(SampleLabel.Label, block);
        for (int bit = 0; bit < usedBytes * 8; bit++)
        {
            block[bit / 8] ^= (byte)(1 << (bit % 8));
            LabelCondition condition = LabelBlock.Read(block, out PoolLabel? label, out string reason);
            Assert.True(condition is LabelCondition.Damaged or LabelCondition.Foreign, $"bit {bit}");
            Assert.True(label is null && reason.Length > 0, $"bit {bit}");
            block[bit / 8] ^= (byte)(1 << (bit % 8));
        }
    }

    [Fact]
    public void Nothing_written_is_no_damage_and_something_else_is_foreign()
    {
        byte[] block = new byte[Layout.LabelConfigBytes];
        Assert.Equal(LabelCondition.Blank, LabelBlock.Read(block, out _, out _));
        block[4000] = 1;
        Assert.Equal(LabelCondition.Foreign, LabelBlock.Read(block, out _, out _));
    }

    [Fact]
    public void A_whole_label_with_an_unknown_feature_is_unknown_not_damaged()
    {
        byte[] block = new byte[Layout.LabelConfigBytes];
        LabelBlock.Write(SampleLabel.Label with { Features = ["wormholes"] }, block);

        Assert.Equal(LabelCondition.Unknown, LabelBlock.Read(block, out PoolLabel? label, out string reason));
        Assert.Null(label);
        Assert.Contains("wormholes", reason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(64L << 20)]
    [InlineData((64L << 20) + 4096)]
    [InlineData((64L << 20) + 262_143)]
    [InlineData(20_000_588_955_648)]
    public void Labels_and_data_share_a_device_without_overlap(long deviceBytes)
    {
        long dataEndBytes =
            Layout.DataStartBytes + (LabelBlock.DataSectors(deviceBytes) * Layout.SectorBytes);

        Assert.Equal(0, LabelBlock.OffsetOf(deviceBytes, 0));
        Assert.Equal(Layout.LabelBytes, LabelBlock.OffsetOf(deviceBytes, 1));
        Assert.Equal(Layout.DataStartBytes, LabelBlock.OffsetOf(deviceBytes, 1) + Layout.LabelBytes);
        Assert.Equal(dataEndBytes, LabelBlock.OffsetOf(deviceBytes, 2));
        Assert.Equal(dataEndBytes + Layout.LabelBytes, LabelBlock.OffsetOf(deviceBytes, 3));
        Assert.InRange(
            deviceBytes - LabelBlock.OffsetOf(deviceBytes, 3) - Layout.LabelBytes, 0, Layout.LabelBytes - 1);
    }
}
