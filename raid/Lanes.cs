using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Cstor.Raid;

/// <summary>Arithmetic of the field on 32 bytes at a time, with AVX2.</summary>
internal static unsafe class Lanes
{
    public const int Bytes = 32;

    public static bool IsSupported => Avx2.IsSupported;

    /// <summary>The sixteen bytes there, twice: PSHUFB looks up in each half by itself.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Table(byte* address) => Avx2.BroadcastVector128ToVector256(address);

    /// <summary>Twice each byte, and the reduction's bits where no reduction is due instead of where it
    /// is: less work, and <see cref="HornerKernel{TRows}"/> makes up for it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Double(Vector256<byte> value) =>
        (value + value) ^ Avx2.Shuffle(Vector256.Create(GaloisField.Reduction), value);

    /// <summary>The product of each byte with the factor of the tables of its halves.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Product(Vector256<byte> value, Vector256<byte> low, Vector256<byte> high)
    {
        Vector256<byte> mask = Vector256.Create((byte)0x0F);
        Vector256<byte> highHalves = Avx2.ShiftRightLogical(value.AsUInt16(), 4).AsByte() & mask;
        return Avx2.Shuffle(low, value & mask) ^ Avx2.Shuffle(high, highHalves);
    }
}
