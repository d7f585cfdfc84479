using Cstor.Target.Iscsi;
using Xunit;

namespace Cstor.Tests.Target.Iscsi;

public sealed class PduHeaderTests
{
    [Fact]
    public void A_scsi_command_is_read_field_by_field()
    {
        byte[] bytes = Convert.FromHexString(
            "41a1020302001234" + "0001000000000000" + "0a0b0c0d00020000" +
            "0000001100000022" + "2800000001000000" + "0800000000000000");
        var header = new PduHeader(bytes);
        Assert.Equal(IscsiOpcode.ScsiCommand, header.Opcode);
        Assert.True(header.IsImmediate && header.IsFinal);
        Assert.Equal(8, header.AhsLengthBytes);
        Assert.Equal(0x1234, header.DataLengthBytes);
        Assert.Equal(0x0001_0000_0000_0000ul, header.Lun);
        Assert.Equal(0x0a0b0c0du, header.InitiatorTaskTag);
        Assert.Equal(0x20000u, header.ExpectedTransferBytes);
        Assert.Equal(0x11u, header.CmdSn);
        Assert.Equal(0x22u, header.ExpStatSn);
        Assert.Equal(0x28, header.Cdb[0]);
    }

    [Fact]
    public void A_data_in_is_written_byte_for_byte()
    {
        byte[] bytes = new byte[48];
        PduWriter.Start(bytes, IscsiOpcode.DataIn, 0x81, 0x01020304);
        PduWriter.SetDataLength(bytes, 0x010203);
        PduWriter.SetTransferTag(bytes, PduHeader.NoTag);
        PduWriter.SetSequence(bytes, 0x10, 0x20, 0x30);
        PduWriter.SetDataSn(bytes, 0x40);
        PduWriter.SetBufferOffset(bytes, 0x50);
        PduWriter.SetCount(bytes, 0x60);
        Assert.Equal(
            "2581000000010203" + "0000000000000000" + "01020304ffffffff" + "0000001000000020" +
            "0000003000000040" + "0000005000000060",
            Convert.ToHexStringLower(bytes));
    }

    [Theory]
    [InlineData("a=b\0c=\0", "a=b|c=")]
    [InlineData("a=b=c", "a=b=c")]
    [InlineData("", "")]
    [InlineData("=b", null)]
    [InlineData("a", null)]
    [InlineData("a b=c", null)]
    [InlineData("a=\u00e9", "a=\u00e9")]
    public void Text_is_pairs_or_malformed(string text, string? pairs)
    {
        var parsed = TextKeys.Parse(System.Text.Encoding.UTF8.GetBytes(text));
        Assert.Equal(pairs,
            parsed is null ? null : string.Join('|', parsed.Select(p => $"{p.Key}={p.Value}")));
    }

    [Fact]
    public void Text_outside_utf8_is_malformed() =>
        Assert.Null(TextKeys.Parse([(byte)'a', (byte)'=', 0xff, 0xfe]));
}
