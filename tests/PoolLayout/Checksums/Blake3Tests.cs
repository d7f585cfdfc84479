using Cstor.PoolLayout;
using Cstor.PoolLayout.Checksums;
using Xunit;

namespace Cstor.Tests.PoolLayout.Checksums;

public sealed class Blake3Tests
{
    // The first 16 bytes of each of the algorithm's published test vectors; the input counts from 0 to 250,
    // over and over.
    [Theory]
    [InlineData(0, "af1349b9f5f9a1a6a0404dea36dcc949")]
    [InlineData(1, "2d3adedff11b61f14c886e35afa03673")]
    [InlineData(2, "7b7015bb92cf0b318037702a6cdd81de")]
    [InlineData(3, "e1be4d7a8ab5560aa4199eea339849ba")]
    [InlineData(4, "f30f5ab28fe047904037f77b6da4fea1")]
    [InlineData(5, "b40b44dfd97e7a84a996a91af8b85188")]
    [InlineData(6, "06c4e8ffb6872fad96f9aaca5eee1553")]
    [InlineData(7, "3f8770f387faad08faa9d8414e9f449a")]
    [InlineData(8, "2351207d04fc16ade43ccab08600939c")]
    [InlineData(63, "e9bc37a594daad83be9470df7f7b3798")]
    [InlineData(64, "4eed7141ea4a5cd4b788606bd23f46e2")]
    [InlineData(65, "de1e5fa0be70df6d2be8fffd0e99ceaa")]
    [InlineData(127, "d81293fda863f008c09e92fc382a81f5")]
    [InlineData(128, "f17e570564b26578c33bb7f44643f539")]
    [InlineData(129, "683aaae9f3c5ba37eaaf072aed0f9e30")]
    [InlineData(1023, "10108970eeda3eb932baac1428c7a216")]
    [InlineData(1024, "42214739f095a406f3fc83deb889744a")]
    [InlineData(1025, "d00278ae47eb27b34faecf67b4fe263f")]
    [InlineData(2048, "e776b6028c7cd22a4d0ba182a8bf6220")]
    [InlineData(2049, "5f4d72f40d7a5f82b15ca2b2e44b1de3")]
    [InlineData(3072, "b98cb0ff3623be03326b373de6b90952")]
    [InlineData(3073, "7124b49501012f81cc7f11ca069ec922")]
    [InlineData(4096, "015094013f57a5277b59d8475c050104")]
    [InlineData(4097, "9b4052b38f1c5fc8b1f9ff7ac7b27cd2")]
    [InlineData(5120, "9cadc15fed8b5d854562b26a9536d970")]
    [InlineData(5121, "628bd2cb2004694adaab7bbd778a25df")]
    [InlineData(6144, "3e2e5b74e048f3add6d21faab3f83aa4")]
    [InlineData(6145, "f1323a8631446cc50536a9f705ee5cb6")]
    [InlineData(7168, "61da957ec2499a95d6b8023e2b0e604e")]
    [InlineData(7169, "a003fc7a51754a9b3c7fae0367ab3d78")]
    [InlineData(8192, "aae792484c8efe4f19e2ca7d371d8c46")]
    [InlineData(8193, "bab6c09cb8ce8cf459261398d2e7aef3")]
    [InlineData(16384, "f875d6646de28985646f34ee13be9a57")]
    [InlineData(31744, "62b6960e1a44bcc1eb1a611a8d6235b6")]
    [InlineData(102400, "bc3e3d41a1146b069abffad3c0d44860")]
    public void The_published_test_vectors_come_out(int length, string expected)
    {
        byte[] bytes = new byte[length];
        for (int i = 0; i < length; i++) bytes[i] = (byte)(i % 251);
        Hash128 wanted = Hash128.Read(Convert.FromHexString(expected));
        Assert.Equal(wanted, Blake3.Compute(bytes));
        Assert.Equal(wanted, Blake3.ComputeScalar(bytes));
    }

    [Fact]
    public void Vector_and_scalar_code_agree_around_every_chunk_boundary_and_at_every_alignment()
    {
        byte[] bytes = RandomBytes((132 << 10) + 64, seed: 1);
        for (int chunks = 0; chunks <= 131; chunks++)
        {
            foreach (int offset in (ReadOnlySpan<int>)[-65, -64, -63, -1, 0, 1, 63, 64, 65, 512])
            {
                int length = (chunks << 10) + offset;
                if (length >= 0) AssertAgree(bytes.AsSpan(length % 61, length));
            }
        }
    }

    [Fact]
    public void Vector_and_scalar_code_agree_at_every_length_of_the_first_chunks()
    {
        byte[] bytes = RandomBytes(5200, seed: 2);
        for (int length = 0; length <= 5130; length++) AssertAgree(bytes.AsSpan(length % 67, length));
    }

    [Theory]
    [InlineData((256 << 10) - 1)]
    [InlineData(256 << 10)]
    [InlineData((384 << 10) + 1)]
    [InlineData((5 << 20) + 12345)]
    [InlineData(Blake3.MaximumBytes)]
    public void Vector_and_scalar_code_agree_on_inputs_of_several_pieces(int length) =>
        AssertAgree(RandomBytes(length, seed: 3));

    [Theory]
    [InlineData(48)]
    [InlineData(1500)]
    [InlineData(8192)]
    public void Every_single_flipped_bit_changes_both_halves(int length)
    {
        byte[] bytes = RandomBytes(length, seed: 4);
        Hash128 whole = Blake3.Compute(bytes);
        for (int bit = 0; bit < 8 * length; bit++)
        {
            bytes[bit >> 3] ^= (byte)(1 << (bit & 7));
            Hash128 flipped = Blake3.Compute(bytes);
            bytes[bit >> 3] ^= (byte)(1 << (bit & 7));
            Assert.NotEqual(whole.Low, flipped.Low);
            Assert.NotEqual(whole.High, flipped.High);
        }
    }

    [Fact]
    public void Nothing_is_allocated()
    {
        byte[] bytes = RandomBytes(300 << 10, seed: 5);
        _ = Blake3.Compute(bytes);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 10; i++) _ = Blake3.Compute(bytes);
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    private static void AssertAgree(ReadOnlySpan<byte> bytes) =>
        Assert.Equal(Blake3.ComputeScalar(bytes), Blake3.Compute(bytes));

    private static byte[] RandomBytes(int length, int seed)
    {
        byte[] bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }
}
