using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Cstor.PoolLayout.Checksums;

// Inputs of at most 240 bytes: records, and the content hashes of a node's children in pairs. Each way reads
// every byte at least once, keys it with the secret and multiplies 64 by 64 bits; the avalanche at the end
// spreads what is left.

/// <summary>The short-input half of <see cref="Xxh128"/>.</summary>
internal static unsafe class Xxh128Short
{
    internal static Hash128 Compute(ReadOnlySpan<byte> bytes)
    {
        // The secret lies in the image's read-only section and does not move.
        byte* secret = (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(Xxh128.Secret));
        fixed (byte* input = bytes)
        {
            int length = bytes.Length;
            if (length > 128) return Of129To240(input, length, secret);
            if (length > 16) return Of17To128(input, length, secret);
            if (length > 8) return Of9To16(input, length, secret);
            if (length > 3) return Of4To8(input, length, secret);
            return length > 0 ? Of1To3(input, length, secret) : OfNothing(secret);
        }
    }

    private static Hash128 OfNothing(byte* secret) => new(
        AvalancheXxh64(Word(secret + 64) ^ Word(secret + 72)),
        AvalancheXxh64(Word(secret + 80) ^ Word(secret + 88)));

    private static Hash128 Of1To3(byte* input, int length, byte* secret)
    {
        uint low = ((uint)input[0] << 16) | ((uint)input[length >> 1] << 24)
            | input[length - 1] | ((uint)length << 8);
        uint high = BitOperations.RotateLeft(BinaryPrimitives.ReverseEndianness(low), 13);
        ulong secretLow = *(uint*)secret ^ *(uint*)(secret + 4);
        ulong secretHigh = *(uint*)(secret + 8) ^ *(uint*)(secret + 12);
        return new Hash128(AvalancheXxh64(low ^ secretLow), AvalancheXxh64(high ^ secretHigh));
    }

    private static Hash128 Of4To8(byte* input, int length, byte* secret)
    {
        unchecked
        {
            ulong word = *(uint*)input + ((ulong)*(uint*)(input + length - 4) << 32);
            ulong keyed = word ^ Word(secret + 16) ^ Word(secret + 24);
            ulong high = Math.BigMul(keyed, Xxh128.Prime64x1 + ((ulong)length << 2), out ulong low);
            high += low << 1;
            low ^= high >> 3;
            low ^= low >> 35;
            low *= Xxh128.PrimeMixB;
            low ^= low >> 28;
            return new Hash128(low, Xxh128.Avalanche(high));
        }
    }

    private static Hash128 Of9To16(byte* input, int length, byte* secret)
    {
        unchecked
        {
            ulong flipLow = Word(secret + 32) ^ Word(secret + 40);
            ulong flipHigh = Word(secret + 48) ^ Word(secret + 56);
            ulong inputLow = Word(input);
            ulong inputHigh = Word(input + length - 8);
            ulong high = Math.BigMul(inputLow ^ inputHigh ^ flipLow, Xxh128.Prime64x1, out ulong low);
            low += (ulong)(length - 1) << 54;
            inputHigh ^= flipHigh;
            high += inputHigh + ((uint)inputHigh * (Xxh128.Prime32x2 - 1));
            low ^= BinaryPrimitives.ReverseEndianness(high);
            ulong resultHigh = Math.BigMul(low, Xxh128.Prime64x2, out ulong resultLow);
            resultHigh += high * Xxh128.Prime64x2;
            return new Hash128(Xxh128.Avalanche(resultLow), Xxh128.Avalanche(resultHigh));
        }
    }

    /// <summary>Pairs of 16 bytes from both ends inwards; the middle of odd lengths is taken twice.</summary>
    private static Hash128 Of17To128(byte* input, int length, byte* secret)
    {
        unchecked
        {
            ulong low = (ulong)length * Xxh128.Prime64x1;
            ulong high = 0;
            for (int step = (length - 1) / 32; step >= 0; step--)
            {
                byte* other = input + length - (16 * (step + 1));
                Mix32(ref low, ref high, input + (16 * step), other, secret + (32 * step));
            }
            return Finish(low, high, length);
        }
    }

    private static Hash128 Of129To240(byte* input, int length, byte* secret)
    {
        unchecked
        {
            ulong low = (ulong)length * Xxh128.Prime64x1;
            ulong high = 0;
            int at = 0;
            for (; at < 128; at += 32) Mix32(ref low, ref high, input + at, input + at + 16, secret + at);
            low = Xxh128.Avalanche(low);
            high = Xxh128.Avalanche(high);
            for (; at + 32 <= length; at += 32)
                Mix32(ref low, ref high, input + at, input + at + 16, secret + at - 125);
            Mix32(ref low, ref high, input + length - 16, input + length - 32, secret + 103);
            return Finish(low, high, length);
        }
    }

    private static Hash128 Finish(ulong low, ulong high, int length)
    {
        unchecked
        {
            ulong mixed = (ulong)length * Xxh128.Prime64x2;
            mixed += (low * Xxh128.Prime64x1) + (high * Xxh128.Prime64x4);
            return new Hash128(Xxh128.Avalanche(low + high), 0 - Xxh128.Avalanche(mixed));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Mix32(ref ulong low, ref ulong high, byte* one, byte* other, byte* secret)
    {
        unchecked
        {
            ulong one0 = Word(one);
            ulong one1 = Word(one + 8);
            ulong other0 = Word(other);
            ulong other1 = Word(other + 8);
            low += Xxh128.MultiplyAndFold(one0 ^ Word(secret), one1 ^ Word(secret + 8));
            low ^= other0 + other1;
            high += Xxh128.MultiplyAndFold(other0 ^ Word(secret + 16), other1 ^ Word(secret + 24));
            high ^= one0 + one1;
        }
    }

    private static ulong AvalancheXxh64(ulong hash)
    {
        unchecked
        {
            hash ^= hash >> 33;
            hash *= Xxh128.Prime64x2;
            hash ^= hash >> 29;
            hash *= Xxh128.Prime64x3;
            return hash ^ (hash >> 32);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Word(byte* at) => *(ulong*)at;
}
