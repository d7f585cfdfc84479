// Two lost columns x and y of up to eight, from P and Q, in one pass. With p and q what the known columns
// leave of P and Q, p = Dx + Dy and q = 2^a Dx + 2^b Dy, for which
//   Dx = (q + 2^b p) / (2^a + 2^b)      Dy = p + Dx
// p and q are summed up as FewKernel does it, with an extra doubling for each lost column that is passed. The
// bias that is left in q is a constant; its product goes into the table that q is multiplied by.
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Bytes32 = System.Runtime.Intrinsics.Vector256<byte>;

namespace Cstor.Raid;

/// <summary>Two lost columns from P and Q, by the number of known columns.</summary>
internal static unsafe class FewPairKernel<TCount>
    where TCount : struct, ICount
{
    private const int StepBytes = 4 * Lanes.Bytes;

    /// <summary>Rebuilds whole steps of bytes [0, to).</summary>
    /// <param name="data">All data columns, two more than the kernel is for.</param>
    /// <param name="pair">What is lost and what is not.</param>
    /// <param name="to">Byte behind the last.</param>
    /// <param name="none">Zero, which the compiler must not know; see FewKernel.</param>
    /// <returns>Up to where.</returns>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static nint Run(ReadOnlySpan<ColumnBytes> data, in FewPair pair, nint to, nint none)
    {
        unchecked
        {
            byte* c0 = Known(data, pair, 0);
            byte* c1 = TCount.Value > 1 ? Known(data, pair, 1) : null;
            byte* c2 = TCount.Value > 2 ? Known(data, pair, 2) : null;
            byte* c3 = TCount.Value > 3 ? Known(data, pair, 3) : null;
            byte* c4 = TCount.Value > 4 ? Known(data, pair, 4) : null;
            byte* c5 = TCount.Value > 5 ? Known(data, pair, 5) : null;
            byte* p = pair.P;
            byte* end = p + (to & -StepBytes);
            nint toQ = (nint)(pair.Q - pair.P);
            nint toFirst = (nint)(pair.First - pair.P);
            nint toSecond = (nint)(pair.Second - pair.P);
            int gaps = pair.Gaps;
            int doublings = pair.Doublings;
            Bytes32 low = Avx2.Permute2x128(pair.Table, pair.Table, 0x00);
            Bytes32 high = Avx2.Permute2x128(pair.Table, pair.Table, 0x11);
            for (; p < end; p += StepBytes)
            {
                Bytes32 p0 = Vector256.Load(c0 + 0);
                Bytes32 p1 = Vector256.Load(c0 + 32);
                Bytes32 p2 = Vector256.Load(c0 + 64);
                Bytes32 p3 = Vector256.Load(c0 + 96);
                c0 += StepBytes;
                // Two times the same: so q starts without a copy of p if nothing is lost in between.
                Bytes32 q0;
                Bytes32 q1;
                Bytes32 q2;
                Bytes32 q3;
                if (TCount.Value > 1 && (gaps & 3) == 0)
                {
                    (q0, q1, q2, q3) = (p0, p1, p2, p3);
                    Add(ref c1, none, ref p0, ref p1, ref p2, ref p3, ref q0, ref q1, ref q2, ref q3);
                }
                else
                {
                    (q0, q1, q2, q3) = (p0, p1, p2, p3);
                    Skip(gaps, 3, ref q0, ref q1, ref q2, ref q3);
                    if (TCount.Value > 1)
                        Add(ref c1, none, ref p0, ref p1, ref p2, ref p3, ref q0, ref q1, ref q2, ref q3);
                }

                if (TCount.Value > 1) Skip(gaps, 3 << 2, ref q0, ref q1, ref q2, ref q3);
                Next(2, gaps, ref c2, none, ref p0, ref p1, ref p2, ref p3, ref q0, ref q1, ref q2, ref q3);
                Next(3, gaps, ref c3, none, ref p0, ref p1, ref p2, ref p3, ref q0, ref q1, ref q2, ref q3);
                Next(4, gaps, ref c4, none, ref p0, ref p1, ref p2, ref p3, ref q0, ref q1, ref q2, ref q3);
                Next(5, gaps, ref c5, none, ref p0, ref p1, ref p2, ref p3, ref q0, ref q1, ref q2, ref q3);

                AddRow(p, ref p0, ref p1, ref p2, ref p3);
                AddRow(p + toQ, ref q0, ref q1, ref q2, ref q3);
                if (doublings < 0) AddProduct(pair, p0, p1, p2, p3, ref q0, ref q1, ref q2, ref q3);
                else AddDoubled(doublings, p0, p1, p2, p3, ref q0, ref q1, ref q2, ref q3);
                Store(p + toFirst, p + toSecond, p0, Lanes.Product(q0, low, high), 0);
                Store(p + toFirst, p + toSecond, p1, Lanes.Product(q1, low, high), 32);
                Store(p + toFirst, p + toSecond, p2, Lanes.Product(q2, low, high), 64);
                Store(p + toFirst, p + toSecond, p3, Lanes.Product(q3, low, high), 96);
            }

            return (nint)(end - pair.P);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static byte* Known(ReadOnlySpan<ColumnBytes> data, in FewPair pair, int number)
    {
        unchecked
        {
            int behindFirst = number >= pair.FirstIndex ? 1 : 0;
            int behindSecond = number >= pair.SecondIndex - 1 ? 1 : 0;
            return (byte*)data[number + behindFirst + behindSecond].Address;
        }
    }

    // A known column, if there are so many, and the lost ones that follow.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Next(
        int number,
        int gaps,
        ref byte* column,
        nint none,
        ref Bytes32 p0,
        ref Bytes32 p1,
        ref Bytes32 p2,
        ref Bytes32 p3,
        ref Bytes32 q0,
        ref Bytes32 q1,
        ref Bytes32 q2,
        ref Bytes32 q3)
    {
        if (TCount.Value <= number) return;
        Add(ref column, none, ref p0, ref p1, ref p2, ref p3, ref q0, ref q1, ref q2, ref q3);
        Skip(gaps, 3 << (2 * number), ref q0, ref q1, ref q2, ref q3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddRow(
        byte* row,
        ref Bytes32 x0,
        ref Bytes32 x1,
        ref Bytes32 x2,
        ref Bytes32 x3)
    {
        unchecked
        {
            x0 ^= Vector256.Load(row + 0);
            x1 ^= Vector256.Load(row + 32);
            x2 ^= Vector256.Load(row + 64);
            x3 ^= Vector256.Load(row + 96);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(byte* first, byte* second, Bytes32 p, Bytes32 found, nint at)
    {
        unchecked
        {
            found.Store(first + at);
            (p ^ found).Store(second + at);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddProduct(
        in FewPair pair,
        Bytes32 p0,
        Bytes32 p1,
        Bytes32 p2,
        Bytes32 p3,
        ref Bytes32 q0,
        ref Bytes32 q1,
        ref Bytes32 q2,
        ref Bytes32 q3)
    {
        Bytes32 low = Avx2.Permute2x128(pair.TableOfP, pair.TableOfP, 0x00);
        Bytes32 high = Avx2.Permute2x128(pair.TableOfP, pair.TableOfP, 0x11);
        q0 ^= Lanes.Product(p0, low, high);
        q1 ^= Lanes.Product(p1, low, high);
        q2 ^= Lanes.Product(p2, low, high);
        q3 ^= Lanes.Product(p3, low, high);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddDoubled(
        int times,
        Bytes32 p0,
        Bytes32 p1,
        Bytes32 p2,
        Bytes32 p3,
        ref Bytes32 q0,
        ref Bytes32 q1,
        ref Bytes32 q2,
        ref Bytes32 q3)
    {
        AddDoubled(times, p0, p1, ref q0, ref q1);
        AddDoubled(times, p2, p3, ref q2, ref q3);
    }

    // Of two vectors at once: for four there are not enough registers.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddDoubled(int times, Bytes32 p0, Bytes32 p1, ref Bytes32 q0, ref Bytes32 q1)
    {
        if (times > 0)
        {
            (Bytes32 d0, Bytes32 d1) = (Lanes.Double(p0), Lanes.Double(p1));
            if (times > 1) (d0, d1) = (Lanes.Double(d0), Lanes.Double(d1));
            q0 ^= d0;
            q1 ^= d1;
            return;
        }

        q0 ^= p0;
        q1 ^= p1;
    }

    // Passes lost columns: none, one, or two if the higher of the two bits is set.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Skip(
        int gaps,
        int bits,
        ref Bytes32 q0,
        ref Bytes32 q1,
        ref Bytes32 q2,
        ref Bytes32 q3)
    {
        if ((gaps & bits) == 0) return;
        Double(ref q0, ref q1, ref q2, ref q3);
        if ((gaps & bits & 0b10_10_10_10_10_10) != 0) Double(ref q0, ref q1, ref q2, ref q3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Double(ref Bytes32 x0, ref Bytes32 x1, ref Bytes32 x2, ref Bytes32 x3)
    {
        x0 = Lanes.Double(x0);
        x1 = Lanes.Double(x1);
        x2 = Lanes.Double(x2);
        x3 = Lanes.Double(x3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add(
        ref byte* column,
        nint none,
        ref Bytes32 p0,
        ref Bytes32 p1,
        ref Bytes32 p2,
        ref Bytes32 p3,
        ref Bytes32 q0,
        ref Bytes32 q1,
        ref Bytes32 q2,
        ref Bytes32 q3)
    {
        unchecked
        {
            byte* again = column + none;
            q0 = Lanes.Double(q0) ^ Vector256.Load(again + 0);
            p0 ^= Vector256.Load(column + 0);
            q1 = Lanes.Double(q1) ^ Vector256.Load(again + 32);
            p1 ^= Vector256.Load(column + 32);
            q2 = Lanes.Double(q2) ^ Vector256.Load(again + 64);
            p2 ^= Vector256.Load(column + 64);
            q3 = Lanes.Double(q3) ^ Vector256.Load(again + 96);
            p3 ^= Vector256.Load(column + 96);
            column += StepBytes;
        }
    }
}
