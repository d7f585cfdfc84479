using System.Runtime.InteropServices;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Checksums;
using Xunit;

namespace Cstor.Tests.PoolLayout.Checksums;

public sealed unsafe class Xxh128Tests
{
    [Theory]
    [InlineData(0, 0x6001c324468d497f, 0x99aa06d3014798d8)]
    [InlineData(1, 0xe12ef9d2eb86ceeb, 0x51025a4491835505)]
    [InlineData(2, 0xddc7caa5fb6273e2, 0xf8bb470a6c7edba4)]
    [InlineData(3, 0xf3942c35bf543f78, 0xdc7353b5cff815e9)]
    [InlineData(4, 0x8883ef757fb7a317, 0xb4795b347f5d2379)]
    [InlineData(7, 0x1cb9d77fbe2075de, 0x340a48abf4155326)]
    [InlineData(8, 0x1b578778ea21139c, 0x1a6bf8cb91cf9be5)]
    [InlineData(9, 0x6d8aa4e4f292e561, 0xd401fe2ecdb8be64)]
    [InlineData(15, 0x1dcb0784bad3b98b, 0xdb60e63c794e1c46)]
    [InlineData(16, 0x05c184c957a34af8, 0xc1f205a38848e523)]
    [InlineData(17, 0x3964a62e19392dfb, 0x40f38e34c8635f36)]
    [InlineData(31, 0x5fe45e53cb2881cb, 0xf53d50597463f900)]
    [InlineData(32, 0x274ea4c080a6822a, 0x2b89462f03228d1b)]
    [InlineData(33, 0x993455ab6fc2d8d6, 0x3e21fb9fb3ed825a)]
    [InlineData(64, 0xcde35746ff7b2464, 0x3ae9fea4bca2a71e)]
    [InlineData(65, 0x816fa8cf79f33da8, 0xb7576e5c64f0a363)]
    [InlineData(96, 0x8626e9d7f3727b7d, 0x1f84dc5e9ed8b7b3)]
    [InlineData(97, 0x0057110883b8813c, 0x12fb1506c3c418cb)]
    [InlineData(128, 0xefa83483e2d95afb, 0x3281d6975108d082)]
    [InlineData(129, 0xdcf53479806d1efc, 0xb3cdd4ac5aaabfca)]
    [InlineData(160, 0x5c0809f547962b26, 0xde833fe6da589bda)]
    [InlineData(239, 0x3a707f6ee9bead0d, 0x66cf0f88b31d8856)]
    [InlineData(240, 0x085fae5e31567298, 0x5d7e6aa5c25af182)]
    [InlineData(241, 0x4ddfb221defd6188, 0xc007238d4839af1e)]
    [InlineData(255, 0x8e8714e8aef0b410, 0x28000743b9fe2891)]
    [InlineData(256, 0x7b903e1276aba976, 0xceb32c6f8c3351d5)]
    [InlineData(1024, 0xfda5cb598b3c7785, 0x1165b26d10032194)]
    [InlineData(1025, 0xb54c683f9a933aac, 0x90b6d49f09475f47)]
    [InlineData(1088, 0x214b55fb54d320a0, 0x4c9588eb2014620c)]
    [InlineData(2048, 0x4a126023455b9226, 0xf3df47cdfdcf1e86)]
    [InlineData(4096, 0x32c34925971b74ee, 0x6386b43fe421289f)]
    [InlineData(16384, 0x65b0ba51045138d7, 0x5065b6797e3c8b23)]
    [InlineData(131072, 0x76687649bf652811, 0x050eee919806c60d)]
    public void Known_values_come_out_at_every_kind_of_length(int length, ulong low, ulong high)
    {
        byte[] bytes = Pattern(length);
        Assert.Equal(new Hash128(low, high), Xxh128.Compute(bytes));
        Assert.Equal(new Hash128(low, high), Xxh128.ComputeScalar(bytes));
    }

    [Fact]
    public void Vector_and_scalar_code_agree_at_every_length_and_alignment()
    {
        byte[] bytes = RandomBytes(6000, seed: 1);
        for (int length = 0; length <= 5900; length++)
        {
            ReadOnlySpan<byte> part = bytes.AsSpan(length % 67, length);
            Assert.Equal(Xxh128.ComputeScalar(part), Xxh128.Compute(part));
        }
    }

    [LibraryFact("libxxhash.so.0", "libxxhash0")]
    public void The_reference_library_gives_the_same_at_every_length_to_2048_and_at_larger_ones()
    {
        nint library = NativeLibrary.Load("libxxhash.so.0");
        // XXH128_hash_t is {low64, high64}: laid out and returned as Hash128 is.
        nint function = NativeLibrary.GetExport(library, "XXH3_128bits");
        var reference = (delegate* unmanaged<byte*, nuint, Hash128>)function;
        Random random = new(3);
        byte[] bytes = RandomBytes(1 << 20, seed: 2);
        for (int i = 0; i < 2400; i++)
        {
            int length = i <= 2048 ? i : random.Next(2049, 1 << 19);
            int start = i <= 2048 ? i & 31 : random.Next(bytes.Length - length);
            fixed (byte* part = &bytes[start])
                Assert.Equal(reference(part, (nuint)length), Xxh128.Compute(bytes.AsSpan(start, length)));
        }
    }

    [Theory]
    [InlineData(48)]
    [InlineData(200)]
    [InlineData(4096)]
    public void Every_single_flipped_bit_changes_both_halves(int length)
    {
        byte[] bytes = RandomBytes(length, seed: 4);
        Hash128 whole = Xxh128.Compute(bytes);
        for (int bit = 0; bit < 8 * length; bit++)
        {
            bytes[bit >> 3] ^= (byte)(1 << (bit & 7));
            Hash128 flipped = Xxh128.Compute(bytes);
            bytes[bit >> 3] ^= (byte)(1 << (bit & 7));
            Assert.NotEqual(whole.Low, flipped.Low);
            Assert.NotEqual(whole.High, flipped.High);
        }
    }

    private static byte[] Pattern(int length)
    {
        byte[] bytes = new byte[length];
        for (int i = 0; i < length; i++) bytes[i] = (byte)((i * 131) + ((i >> 8) * 7) + 1 & 255);
        return bytes;
    }

    private static byte[] RandomBytes(int length, int seed)
    {
        byte[] bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }
}
