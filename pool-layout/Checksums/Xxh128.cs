using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

namespace Cstor.PoolLayout.Checksums;

// XXH3 with a 128-bit result and seed 0, after the public specification of the algorithm ("XXH3 algorithm overview",
// version 0.8 of the format, which is frozen). It is not cryptographic: it catches what disks, cables and memory do by
// accident, not what an attacker does on purpose.
//
// Five ways by length: 0, 1-3, 4-8, 9-16, 17-128, 129-240 bytes are mixed directly with the secret (this file); longer
// inputs run through eight 64-bit lanes in stripes of 64 bytes (Xxh128Lanes). Pool blocks are always of the last kind.

/// <summary>XXH3, 128 bits, seed 0: the checksum of every block and record.</summary>
public static class Xxh128
{
    internal const ulong Prime32x1 = 0x9E3779B1;
    internal const ulong Prime32x2 = 0x85EBCA77;
    internal const ulong Prime32x3 = 0xC2B2AE3D;
    internal const ulong Prime64x1 = 0x9E3779B185EBCA87;
    internal const ulong Prime64x2 = 0xC2B2AE3D27D4EB4F;
    internal const ulong Prime64x3 = 0x165667B19E3779F9;
    internal const ulong Prime64x4 = 0x85EBCA77C2B2AE63;
    internal const ulong Prime64x5 = 0x27D4EB2F165667C5;
    private const ulong PrimeMixA = 0x165667919E3779F9;
    private const ulong PrimeMixB = 0x9FB21C651E98DF25;

    /// <summary>Longest input that is not cut in stripes.</summary>
    internal const int MiddleMaximumBytes = 240;

    /// <summary>The 192 bytes that the specification names as the default secret.</summary>
    internal static ReadOnlySpan<byte> Secret =>
    [
        0xb8, 0xfe, 0x6c, 0x39, 0x23, 0xa4, 0x4b, 0xbe, 0x7c, 0x01, 0x81, 0x2c, 0xf7, 0x21, 0xad, 0x1c,
        0xde, 0xd4, 0x6d, 0xe9, 0x83, 0x90, 0x97, 0xdb, 0x72, 0x40, 0xa4, 0xa4, 0xb7, 0xb3, 0x67, 0x1f,
        0xcb, 0x79, 0xe6, 0x4e, 0xcc, 0xc0, 0xe5, 0x78, 0x82, 0x5a, 0xd0, 0x7d, 0xcc, 0xff, 0x72, 0x21,
        0xb8, 0x08, 0x46, 0x74, 0xf7, 0x43, 0x24, 0x8e, 0xe0, 0x35, 0x90, 0xe6, 0x81, 0x3a, 0x26, 0x4c,
        0x3c, 0x28, 0x52, 0xbb, 0x91, 0xc3, 0x00, 0xcb, 0x88, 0xd0, 0x65, 0x8b, 0x1b, 0x53, 0x2e, 0xa3,
        0x71, 0x64, 0x48, 0x97, 0xa2, 0x0d, 0xf9, 0x4e, 0x38, 0x19, 0xef, 0x46, 0xa9, 0xde, 0xac, 0xd8,
        0xa8, 0xfa, 0x76, 0x3f, 0xe3, 0x9c, 0x34, 0x3f, 0xf9, 0xdc, 0xbb, 0xc7, 0xc7, 0x0b, 0x4f, 0x1d,
        0x8a, 0x51, 0xe0, 0x4b, 0xcd, 0xb4, 0x59, 0x31, 0xc8, 0x9f, 0x7e, 0xc9, 0xd9, 0x78, 0x73, 0x64,
        0xea, 0xc5, 0xac, 0x83, 0x34, 0xd3, 0xeb, 0xc3, 0xc5, 0x81, 0xa0, 0xff, 0xfa, 0x13, 0x63, 0xeb,
        0x17, 0x0d, 0xdd, 0x51, 0xb7, 0xf0, 0xda, 0x49, 0xd3, 0x16, 0x55, 0x26, 0x29, 0xd4, 0x68, 0x9e,
        0x2b, 0x16, 0xbe, 0x58, 0x7d, 0x47, 0xa1, 0xfc, 0x8f, 0xf8, 0xb8, 0xd1, 0x7a, 0xd0, 0x31, 0xce,
        0x45, 0xcb, 0x3a, 0x8f, 0x95, 0x16, 0x04, 0x28, 0xaf, 0xd7, 0xfb, 0xca, 0xbb, 0x4b, 0x40, 0x7e,
    ];

    /// <summary>The hash of <paramref name="bytes"/>, of any length.</summary>
    public static Hash128 Compute(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length > MiddleMaximumBytes) return Xxh128Lanes.Compute(bytes, Avx2.IsSupported);
        if (bytes.Length > 128) return Of129To240(bytes);
        if (bytes.Length > 16) return Of17To128(bytes);
        if (bytes.Length > 8) return Of9To16(bytes);
        if (bytes.Length > 3) return Of4To8(bytes);
        return bytes.Length > 0 ? Of1To3(bytes) : OfNothing();
    }

    /// <summary>The same by plain arithmetic: what the vector code is checked against.</summary>
    internal static Hash128 ComputeScalar(ReadOnlySpan<byte> bytes) =>
        bytes.Length > MiddleMaximumBytes ? Xxh128Lanes.Compute(bytes, useAvx2: false) : Compute(bytes);

    private static Hash128 OfNothing() => new(
        AvalancheXxh64(SecretWord(64) ^ SecretWord(72)),
        AvalancheXxh64(SecretWord(80) ^ SecretWord(88)));

    private static Hash128 Of1To3(ReadOnlySpan<byte> bytes)
    {
        uint first = bytes[0];
        uint middle = bytes[bytes.Length >> 1];
        uint last = bytes[^1];
        uint low = (first << 16) | (middle << 24) | last | ((uint)bytes.Length << 8);
        uint high = BitOperations.RotateLeft(Swap(low), 13);
        ulong secretLow = Word32(Secret, 0) ^ Word32(Secret, 4);
        ulong secretHigh = Word32(Secret, 8) ^ Word32(Secret, 12);
        return new Hash128(AvalancheXxh64(low ^ secretLow), AvalancheXxh64(high ^ secretHigh));
    }

    private static Hash128 Of4To8(ReadOnlySpan<byte> bytes)
    {
        unchecked
        {
            ulong word = Word32(bytes, 0) + ((ulong)Word32(bytes, bytes.Length - 4) << 32);
            ulong keyed = word ^ SecretWord(16) ^ SecretWord(24);
            ulong high = Math.BigMul(keyed, Prime64x1 + ((ulong)bytes.Length << 2), out ulong low);
            high += low << 1;
            low ^= high >> 3;
            low ^= low >> 35;
            low *= PrimeMixB;
            low ^= low >> 28;
            return new Hash128(low, Avalanche(high));
        }
    }

    private static Hash128 Of9To16(ReadOnlySpan<byte> bytes)
    {
        unchecked
        {
            ulong flipLow = SecretWord(32) ^ SecretWord(40);
            ulong flipHigh = SecretWord(48) ^ SecretWord(56);
            ulong inputLow = Word(bytes, 0);
            ulong inputHigh = Word(bytes, bytes.Length - 8);
            ulong high = Math.BigMul(inputLow ^ inputHigh ^ flipLow, Prime64x1, out ulong low);
            low += (ulong)(bytes.Length - 1) << 54;
            inputHigh ^= flipHigh;
            high += inputHigh + ((uint)inputHigh * (Prime32x2 - 1));
            low ^= Swap(high);
            ulong resultHigh = Math.BigMul(low, Prime64x2, out ulong resultLow);
            resultHigh += high * Prime64x2;
            return new Hash128(Avalanche(resultLow), Avalanche(resultHigh));
        }
    }

    private static Hash128 Of17To128(ReadOnlySpan<byte> bytes)
    {
        unchecked
        {
            int length = bytes.Length;
            ulong low = (ulong)length * Prime64x1;
            ulong high = 0;
            for (int step = (length - 1) / 32; step >= 0; step--)
                Mix32(ref low, ref high, bytes, 16 * step, length - (16 * (step + 1)), 32 * step);
            return Finish(low, high, length);
        }
    }

    private static Hash128 Of129To240(ReadOnlySpan<byte> bytes)
    {
        unchecked
        {
            int length = bytes.Length;
            ulong low = (ulong)length * Prime64x1;
            ulong high = 0;
            for (int at = 0; at < 128; at += 32) Mix32(ref low, ref high, bytes, at, at + 16, at);
            low = Avalanche(low);
            high = Avalanche(high);
            for (int at = 128; at + 32 <= length; at += 32) Mix32(ref low, ref high, bytes, at, at + 16, at - 125);
            Mix32(ref low, ref high, bytes, length - 16, length - 32, 136 - 17 - 16);
            return Finish(low, high, length);
        }
    }

    private static Hash128 Finish(ulong low, ulong high, int length)
    {
        unchecked
        {
            ulong mixed = (low * Prime64x1) + (high * Prime64x4) + ((ulong)length * Prime64x2);
            return new Hash128(Avalanche(low + high), 0 - Avalanche(mixed));
        }
    }

    private static void Mix32(ref ulong low, ref ulong high, ReadOnlySpan<byte> bytes, int at, int otherAt, int secretAt)
    {
        unchecked
        {
            ulong a0 = Word(bytes, at);
            ulong a1 = Word(bytes, at + 8);
            ulong b0 = Word(bytes, otherAt);
            ulong b1 = Word(bytes, otherAt + 8);
            low += MultiplyAndFold(a0 ^ SecretWord(secretAt), a1 ^ SecretWord(secretAt + 8));
            low ^= b0 + b1;
            high += MultiplyAndFold(b0 ^ SecretWord(secretAt + 16), b1 ^ SecretWord(secretAt + 24));
            high ^= a0 + a1;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static ulong MultiplyAndFold(ulong left, ulong right) => Math.BigMul(left, right, out ulong low) ^ low;

    internal static ulong Avalanche(ulong hash)
    {
        unchecked
        {
            hash ^= hash >> 37;
            hash *= PrimeMixA;
            return hash ^ (hash >> 32);
        }
    }

    private static ulong AvalancheXxh64(ulong hash)
    {
        unchecked
        {
            hash ^= hash >> 33;
            hash *= Prime64x2;
            hash ^= hash >> 29;
            hash *= Prime64x3;
            return hash ^ (hash >> 32);
        }
    }

    private static uint Swap(uint value) => System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(value);

    private static ulong Swap(ulong value) => System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static ulong SecretWord(int at) => Word(Secret, at);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Word(ReadOnlySpan<byte> bytes, int at) => MemoryMarshal.Read<ulong>(bytes[at..]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint Word32(ReadOnlySpan<byte> bytes, int at) => MemoryMarshal.Read<uint>(bytes[at..]);
}
