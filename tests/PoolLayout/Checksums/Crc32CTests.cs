using Cstor.PoolLayout.Checksums;
using Xunit;

namespace Cstor.Tests.PoolLayout.Checksums;

public sealed class Crc32CTests
{
    // RFC 3720, appendix B.4, as numbers (the RFC lists the bytes in the order they are sent).
    private const uint OfZeroes = 0x8A9136AA;
    private const uint OfOnes = 0x62A8AB43;
    private const uint OfIncrementing = 0x46DD794E;
    private const uint OfDecrementing = 0x113FDB5C;
    private const uint OfReadCommand = 0xD9963A56;

    [Fact]
    public void The_vectors_of_RFC_3720_come_out()
    {
        Both(OfZeroes, new byte[32]);
        Both(OfOnes, Enumerable.Repeat((byte)255, 32).ToArray());
        Both(OfIncrementing, Enumerable.Range(0, 32).Select(i => (byte)i).ToArray());
        Both(OfDecrementing, Enumerable.Range(0, 32).Select(i => (byte)(31 - i)).ToArray());
        Both(OfReadCommand, Convert.FromHexString(
            "01C00000000000000000000000000000140000000000040000000014000000182800000000000000" +
            "0200000000000000"));
    }

    [Fact]
    public void The_check_value_of_the_algorithm_comes_out() => Both(0xE3069283, "123456789"u8.ToArray());

    [Fact]
    public void Nothing_leaves_the_seed_as_it_is()
    {
        Assert.Equal(0u, Crc32C.Compute([]));
        Assert.Equal(0x12345678u, Crc32C.Compute([], 0x12345678));
    }

    [Fact]
    public void Interleaved_and_bitwise_code_agree_at_every_length_alignment_and_seed()
    {
        byte[] bytes = RandomBytes(9000);
        for (int length = 0; length <= 1100; length++)
            Agree(bytes.AsSpan(length % 9, length), unchecked((uint)length * 0x9E3779B1u));
        Random random = new(5);
        for (int i = 0; i < 300; i++)
        {
            int length = random.Next(1100, bytes.Length);
            Agree(bytes.AsSpan(random.Next(bytes.Length - length), length), (uint)random.Next());
        }
    }

    [Fact]
    public void Inputs_longer_than_three_full_lanes_agree()
    {
        byte[] bytes = RandomBytes(200_001);
        Agree(bytes, 0);
        Agree(bytes.AsSpan(3, 3 * 2728), 1);
        Agree(bytes.AsSpan(5, (2 * 3 * 2728) + 255), 2);
    }

    [Fact]
    public void Parts_chained_through_the_seed_give_the_whole()
    {
        byte[] bytes = RandomBytes(5000);
        uint whole = Crc32C.Compute(bytes);
        for (int cut = 0; cut <= bytes.Length; cut += 7)
            Assert.Equal(whole, Crc32C.Compute(bytes.AsSpan(cut), Crc32C.Compute(bytes.AsSpan(0, cut))));
    }

    private static void Both(uint expected, byte[] bytes)
    {
        Assert.Equal(expected, Crc32C.Compute(bytes));
        Assert.Equal(expected, Crc32C.ComputeScalar(bytes, 0));
    }

    private static void Agree(ReadOnlySpan<byte> bytes, uint seed) =>
        Assert.Equal(Crc32C.ComputeScalar(bytes, seed), Crc32C.Compute(bytes, seed));

    private static byte[] RandomBytes(int length)
    {
        byte[] bytes = new byte[length];
        new Random(length).NextBytes(bytes);
        return bytes;
    }
}
