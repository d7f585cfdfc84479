using Cstor.PoolLayout;
using Xunit;

namespace Cstor.Tests.PoolLayout;

public sealed class ZeroBlockTests
{
    [Fact]
    public void Zeroes_of_every_length_are_zero()
    {
        byte[] bytes = new byte[4096];
        for (int length = 0; length <= 700; length++)
            Assert.True(ZeroBlock.IsZero(bytes.AsSpan(length % 33, length)));
        Assert.True(ZeroBlock.IsZero(bytes));
    }

    [Fact]
    public void One_set_bit_anywhere_is_seen()
    {
        byte[] bytes = new byte[1000];
        foreach (int length in new[] { 1, 7, 8, 9, 127, 128, 129, 255, 256, 511, 1000 })
        {
            for (int at = 0; at < length; at++)
            {
                bytes[at] = (byte)(1 << (at & 7));
                Assert.False(ZeroBlock.IsZero(bytes.AsSpan(0, length)));
                bytes[at] = 0;
            }
        }
    }

    [Fact]
    public void What_lies_around_the_span_is_not_looked_at()
    {
        byte[] bytes = new byte[600];
        bytes.AsSpan().Fill(0xFF);
        bytes.AsSpan(13, 500).Clear();
        Assert.True(ZeroBlock.IsZero(bytes.AsSpan(13, 500)));
        Assert.False(ZeroBlock.IsZero(bytes.AsSpan(12, 500)));
        Assert.False(ZeroBlock.IsZero(bytes.AsSpan(14, 500)));
    }
}
