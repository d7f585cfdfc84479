using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Cstor.Raid;

/// <summary>Arithmetic of the field on 32 bytes at a time, with AVX2.</summary>
internal static unsafe class Lanes
{
    public const int Bytes = 32;

    /// <summary>What <see cref="Double"/> leaves as it is.</summary>
    public const byte Bias = 0x0B;

    private const int LogarithmOfBias = 238;

    public static bool IsSupported => Avx2.IsSupported;

    /// <summary>The sixteen bytes there, twice: PSHUFB looks up in each half by itself.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Table(byte* address) => Avx2.BroadcastVector128ToVector256(address);

    /// <summary>Twice each byte, and the reduction's bits where no reduction is due instead of where it
    /// is: less work, and <see cref="HornerKernel{TRows}"/> makes up for it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Double(Vector256<byte> value) =>
        (value + value) ^ Avx2.Shuffle(Vector256.Create(GaloisField.Reduction), value);

    /// <summary>What zero becomes after so many of <see cref="Double"/>, 0 to 254: what that many add to a
    /// value.</summary>
    public static byte BiasAfter(int doublings) =>
        (byte)(GaloisField.Powers[LogarithmOfBias + doublings] ^ Bias);

    /// <summary>The products of a factor with 0 to 15, then with 0, 16, 32 and so on to 240.</summary>
    public static Vector256<byte> Products(byte factor)
    {
        Vector256<byte> values = Vector256.Create(
            (byte)0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
            0, 16, 32, 48, 64, 80, 96, 112, 128, 144, 160, 176, 192, 208, 224, 240);
        Vector256<byte> bits = Vector256.Create(factor);
        Vector256<byte> products = values & IsSet(bits, 1);
        for (int bit = 2; bit < 256; bit *= 2)
        {
            values = ExactDouble(values);
            products ^= values & IsSet(bits, bit);
        }

        return products;
    }

    /// <summary>The product of each byte with the factor of the tables of its halves.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Product(Vector256<byte> value, Vector256<byte> low, Vector256<byte> high)
    {
        Vector256<byte> mask = Vector256.Create((byte)0x0F);
        Vector256<byte> highHalves = Avx2.ShiftRightLogical(value.AsUInt16(), 4).AsByte() & mask;
        return Avx2.Shuffle(low, value & mask) ^ Avx2.Shuffle(high, highHalves);
    }

    private static Vector256<byte> ExactDouble(Vector256<byte> value)
    {
        Vector256<byte> mask = Vector256.LessThan(value.AsSByte(), Vector256<sbyte>.Zero).AsByte();
        return (value + value) ^ (mask & Vector256.Create(GaloisField.Reduction));
    }

    // All bits of each byte as that one.
    private static Vector256<byte> IsSet(Vector256<byte> value, int bit)
    {
        Vector256<byte> mask = Vector256.Create((byte)bit);
        return Vector256.Equals(value & mask, mask);
    }
}
