using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Cstor.PoolLayout.Checksums;

// Inputs above 240 bytes. Eight 64-bit lanes take stripes of 64 bytes; each stripe is keyed with the secret
// at an offset that moves on by 8, and after 16 stripes (1 KiB) the lanes are scrambled and the secret starts
// over. The last stripe is the last 64 bytes of the input, overlapping what was taken already. The lanes are
// then folded twice, once for each half.
//
// The two vectors of four lanes stay in registers over the whole input. Shifts go through
// Avx2.ShiftRightLogical: the operator on Vector256<ulong> is emulated in scalar code where the processor's
// AVX-512 is not in use.

/// <summary>The long-input half of <see cref="Xxh128"/>.</summary>
internal static unsafe class Xxh128Lanes
{
    private const int StripeBytes = 64;
    private const int BlockBytes = 1024;
    private const int LaneCount = 8;
    private const int LastStripeSecret = 192 - 64 - 7;
    private const int ScrambleSecret = 192 - 64;
    private const int MergeSecretLow = 11;
    private const int MergeSecretHigh = 192 - 64 - 11;

    /// <summary>How far ahead of the lanes the cache is asked to fetch.</summary>
    private const int PrefetchBytes = 512;

    internal static Hash128 Compute(ReadOnlySpan<byte> bytes, bool useAvx2)
    {
        ulong* lanes = stackalloc ulong[LaneCount];
        lanes[0] = Xxh128.Prime32x3;
        lanes[1] = Xxh128.Prime64x1;
        lanes[2] = Xxh128.Prime64x2;
        lanes[3] = Xxh128.Prime64x3;
        lanes[4] = Xxh128.Prime64x4;
        lanes[5] = Xxh128.Prime32x2;
        lanes[6] = Xxh128.Prime64x5;
        lanes[7] = Xxh128.Prime32x1;
        // The secret lies in the image's read-only section and does not move.
        byte* secret = (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(Xxh128.Secret));
        fixed (byte* input = bytes)
        {
            if (useAvx2) Avx2Lanes(lanes, input, bytes.Length, secret);
            else ScalarLanes(lanes, input, bytes.Length, secret);
        }
        unchecked
        {
            ulong length = (ulong)bytes.Length;
            return new Hash128(
                Merge(lanes, secret + MergeSecretLow, length * Xxh128.Prime64x1),
                Merge(lanes, secret + MergeSecretHigh, ~(length * Xxh128.Prime64x2)));
        }
    }

    private static void Avx2Lanes(ulong* lanes, byte* input, int length, byte* secret)
    {
        unchecked
        {
            Vector256<ulong> low = Vector256.Load(lanes);
            Vector256<ulong> high = Vector256.Load(lanes + 4);
            Vector256<uint> prime = Vector256.Create((ulong)Xxh128.Prime32x1).AsUInt32();
            Vector256<ulong> scrambleLow = Vector256.Load((ulong*)(secret + ScrambleSecret));
            Vector256<ulong> scrambleHigh = Vector256.Load((ulong*)(secret + ScrambleSecret + 32));
            byte* at = input;
            byte* last = input + length - StripeBytes;
            byte* blocksEnd = input + ((length - 1) / BlockBytes * BlockBytes);
            for (; at < blocksEnd; at += BlockBytes)
            {
                for (int offset = 0; offset < BlockBytes; offset += 4 * StripeBytes)
                {
                    byte* stripe = at + offset;
                    byte* key = secret + (offset >> 3);
                    Stripe(stripe, key, ref low, ref high);
                    Stripe(stripe + 64, key + 8, ref low, ref high);
                    Stripe(stripe + 128, key + 16, ref low, ref high);
                    Stripe(stripe + 192, key + 24, ref low, ref high);
                }
                low = Scramble(low, scrambleLow, prime);
                high = Scramble(high, scrambleHigh, prime);
            }
            for (byte* key = secret; at < last; at += StripeBytes, key += 8)
                Stripe(at, key, ref low, ref high);
            Stripe(last, secret + LastStripeSecret, ref low, ref high);
            low.Store(lanes);
            high.Store(lanes + 4);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Stripe(byte* input, byte* key, ref Vector256<ulong> low, ref Vector256<ulong> high)
    {
        Sse.Prefetch0(input + PrefetchBytes);
        low = Accumulate(low, Vector256.Load((ulong*)input), Vector256.Load((ulong*)key));
        high = Accumulate(high, Vector256.Load((ulong*)(input + 32)), Vector256.Load((ulong*)(key + 32)));
    }

    /// <summary>lane[i] += low32(keyed) * high32(keyed); lane[i ^ 1] += input.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<ulong> Accumulate(
        Vector256<ulong> lane, Vector256<ulong> input, Vector256<ulong> key)
    {
        Vector256<ulong> keyed = Avx2.Xor(input, key);
        Vector256<ulong> upper = Avx2.ShiftRightLogical(keyed, 32);
        Vector256<ulong> product = Avx2.Multiply(keyed.AsUInt32(), upper.AsUInt32());
        Vector256<ulong> swapped = Avx2.Shuffle(input.AsUInt32(), 0b01_00_11_10).AsUInt64();
        return Avx2.Add(lane, Avx2.Add(product, swapped));
    }

    /// <summary>
    /// lane = (lane ^ lane >> 47 ^ key) * prime, the 64-bit product put together from two of 32 bits.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<ulong> Scramble(
        Vector256<ulong> lane, Vector256<ulong> key, Vector256<uint> prime)
    {
        Vector256<ulong> keyed = Avx2.Xor(Avx2.Xor(lane, Avx2.ShiftRightLogical(lane, 47)), key);
        Vector256<ulong> low = Avx2.Multiply(keyed.AsUInt32(), prime);
        Vector256<ulong> high = Avx2.Multiply(Avx2.ShiftRightLogical(keyed, 32).AsUInt32(), prime);
        return Avx2.Add(low, Avx2.ShiftLeftLogical(high, 32));
    }

    private static void ScalarLanes(ulong* lanes, byte* input, int length, byte* secret)
    {
        unchecked
        {
            byte* at = input;
            byte* last = input + length - StripeBytes;
            byte* blocksEnd = input + ((length - 1) / BlockBytes * BlockBytes);
            for (; at < blocksEnd; at += BlockBytes)
            {
                for (int stripe = 0; stripe < BlockBytes / StripeBytes; stripe++)
                {
                    ulong* input64 = (ulong*)(at + (stripe * StripeBytes));
                    ScalarStripe(lanes, input64, (ulong*)(secret + (8 * stripe)));
                }
                ulong* key = (ulong*)(secret + ScrambleSecret);
                for (int i = 0; i < LaneCount; i++)
                    lanes[i] = (lanes[i] ^ (lanes[i] >> 47) ^ key[i]) * Xxh128.Prime32x1;
            }
            for (byte* key = secret; at < last; at += StripeBytes, key += 8)
                ScalarStripe(lanes, (ulong*)at, (ulong*)key);
            ScalarStripe(lanes, (ulong*)last, (ulong*)(secret + LastStripeSecret));
        }
    }

    private static void ScalarStripe(ulong* lanes, ulong* input, ulong* key)
    {
        unchecked
        {
            for (int i = 0; i < LaneCount; i++)
            {
                ulong keyed = input[i] ^ key[i];
                lanes[i ^ 1] += input[i];
                lanes[i] += (uint)keyed * (keyed >> 32);
            }
        }
    }

    private static ulong Merge(ulong* lanes, byte* secret, ulong start)
    {
        unchecked
        {
            ulong* key = (ulong*)secret;
            ulong result = start;
            for (int i = 0; i < LaneCount; i += 2)
                result += Xxh128.MultiplyAndFold(lanes[i] ^ key[i], lanes[i + 1] ^ key[i + 1]);
            return Xxh128.Avalanche(result);
        }
    }
}
