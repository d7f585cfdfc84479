using Cstor.PoolLayout.Units;
using Xunit;

namespace Cstor.Tests.PoolLayout.Units;

public sealed class ByteSizeTests
{
    private const long G = 1L << 30;

    [Theory]
    [InlineData("0", 0)]
    [InlineData("4096", 4096)]
    [InlineData("4096B", 4096)]
    [InlineData("16K", 16384)]
    [InlineData("16k", 16384)]
    [InlineData("16kb", 16384)]
    [InlineData("16KiB", 16384)]
    [InlineData("512M", 512 << 20)]
    [InlineData("10G", 10 * G)]
    [InlineData("10GiB", 10 * G)]
    [InlineData(" 10 GB ", 10 * G)]
    [InlineData("1.5T", 1536 * G)]
    [InlineData(".5G", G / 2)]
    [InlineData("1.G", G)]
    [InlineData("1.3K", 1331)]
    [InlineData("2P", 2L << 50)]
    [InlineData("9223372036854775807", long.MaxValue)]
    public void What_people_write_is_read(string text, long expected)
    {
        Assert.True(ByteSize.TryParse(text, out long bytes, out string? reason), reason);
        Assert.Equal(expected, bytes);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("  ")]
    [InlineData("G")]
    [InlineData("ten")]
    [InlineData("-1G")]
    [InlineData("+1G")]
    [InlineData("1X")]
    [InlineData("1GG")]
    [InlineData("1iB")]
    [InlineData("1Gi")]
    [InlineData("1 0G")]
    [InlineData("1,5G")]
    [InlineData("1.5.5G")]
    [InlineData("1e9")]
    [InlineData("0x10")]
    [InlineData(".")]
    [InlineData(".K")]
    [InlineData("1.5")]
    [InlineData("10%")]
    [InlineData("٣K")]
    public void Nonsense_is_refused_with_a_reason(string? text)
    {
        Assert.False(ByteSize.TryParse(text, out long bytes, out string? reason));
        Assert.Equal(0, bytes);
        Assert.NotEmpty(reason!);
    }

    [Theory]
    [InlineData("8192P")]
    [InlineData("9223372036854775808")]
    [InlineData("99999999999999999999999999999999999999999999")]
    [InlineData("99999999999999999999999999999999999999999999P")]
    [InlineData("100000000000000000000P")]
    public void What_cannot_be_addressed_is_called_too_large(string text)
    {
        Assert.False(ByteSize.TryParse(text, out _, out string? reason));
        Assert.Contains("larger", reason);
    }

    [Theory]
    [InlineData(0, "0")]
    [InlineData(512, "512")]
    [InlineData(1023, "1023")]
    [InlineData(1024, "1K")]
    [InlineData(1536, "1.50K")]
    [InlineData(10 * G, "10G")]
    [InlineData(1000 * G, "1000G")]
    [InlineData(G + G / 2, "1.50G")]
    [InlineData(12 * G + G / 4, "12.3G")]
    [InlineData(123 * G + 1, "123G")]
    [InlineData(10 * G - 1, "10.0G")]
    [InlineData(1024 * 1024 - 1, "1.00M")]
    [InlineData(1000 * 1024 + 512, "0.98M")]
    [InlineData(long.MaxValue, "8192P")]
    public void Sizes_are_written_in_three_digits(long bytes, string expected) =>
        Assert.Equal(expected, ByteSize.Format(bytes));

    [Fact]
    public void What_is_written_plainly_reads_back_as_it_was()
    {
        for (int shift = 0; shift < 63; shift++)
        {
            Assert.True(ByteSize.TryParse(ByteSize.Format(1L << shift), out long bytes, out _));
            Assert.Equal(1L << shift, bytes);
        }
    }
}
