// P and Q of two to eight columns, which is what most vdevs have. The formula is that of HornerKernel; what
// differs is the count of instructions, which is what bounds parity of data in the caches:
// - each column's address stays in a register of its own and moves along: no loop over columns is left;
// - the first two columns need one step together, and the bias of Q is taken off at the end alone: q starts
//   as if it had one of zero, and what this has become after all steps is the same for all bytes;
// - a column is added to P and to Q straight from memory, with an address for each: with one and the same,
//   the compiler would load it by an instruction of its own.
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Bytes32 = System.Runtime.Intrinsics.Vector256<byte>;

namespace Cstor.Raid;

/// <summary>P and Q of few columns.</summary>
internal static unsafe class FewKernel<TCount>
    where TCount : struct, ICount
{
    private const int StepBytes = 4 * Lanes.Bytes;

    /// <summary>Sums up whole steps of bytes [0, to) of all columns; the sum is none of them.</summary>
    /// <returns>Up to where.</returns>
    public static nint Sum(ReadOnlySpan<ColumnBytes> data, byte* sum, nint to)
    {
        unchecked
        {
            byte* c0 = (byte*)data[0].Address;
            byte* c1 = (byte*)data[1].Address;
            byte* c2 = TCount.Value > 2 ? (byte*)data[2].Address : null;
            byte* c3 = TCount.Value > 3 ? (byte*)data[3].Address : null;
            byte* c4 = TCount.Value > 4 ? (byte*)data[4].Address : null;
            byte* c5 = TCount.Value > 5 ? (byte*)data[5].Address : null;
            byte* c6 = TCount.Value > 6 ? (byte*)data[6].Address : null;
            byte* c7 = TCount.Value > 7 ? (byte*)data[7].Address : null;
            byte* target = sum;
            byte* end = sum + (to & -StepBytes);
            for (; target < end; target += StepBytes)
            {
                Bytes32 p0 = Vector256.Load(c0 + 0) ^ Vector256.Load(c1 + 0);
                Bytes32 p1 = Vector256.Load(c0 + 32) ^ Vector256.Load(c1 + 32);
                Bytes32 p2 = Vector256.Load(c0 + 64) ^ Vector256.Load(c1 + 64);
                Bytes32 p3 = Vector256.Load(c0 + 96) ^ Vector256.Load(c1 + 96);
                c0 += StepBytes;
                c1 += StepBytes;
                if (TCount.Value > 2) Add(ref c2, ref p0, ref p1, ref p2, ref p3);
                if (TCount.Value > 3) Add(ref c3, ref p0, ref p1, ref p2, ref p3);
                if (TCount.Value > 4) Add(ref c4, ref p0, ref p1, ref p2, ref p3);
                if (TCount.Value > 5) Add(ref c5, ref p0, ref p1, ref p2, ref p3);
                if (TCount.Value > 6) Add(ref c6, ref p0, ref p1, ref p2, ref p3);
                if (TCount.Value > 7) Add(ref c7, ref p0, ref p1, ref p2, ref p3);
                p0.Store(target + 0);
                p1.Store(target + 32);
                p2.Store(target + 64);
                p3.Store(target + 96);
            }

            return (nint)(end - sum);
        }
    }

    /// <summary>P and Q of whole steps of bytes [0, to).</summary>
    /// <param name="data">As many as the kernel is for.</param>
    /// <param name="rows">Where P and Q go.</param>
    /// <param name="to">Byte behind the last.</param>
    /// <param name="biasOfQ">What all doublings add to Q.</param>
    /// <param name="none">Zero, which the compiler must not know.</param>
    /// <returns>Up to where.</returns>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static nint PAndQ(
        ReadOnlySpan<ColumnBytes> data,
        in RowBytes rows,
        nint to,
        byte biasOfQ,
        nint none)
    {
        unchecked
        {
            byte* c0 = (byte*)data[0].Address;
            byte* c1 = (byte*)data[1].Address;
            byte* c2 = TCount.Value > 2 ? (byte*)data[2].Address : null;
            byte* c3 = TCount.Value > 3 ? (byte*)data[3].Address : null;
            byte* c4 = TCount.Value > 4 ? (byte*)data[4].Address : null;
            byte* c5 = TCount.Value > 5 ? (byte*)data[5].Address : null;
            byte* c6 = TCount.Value > 6 ? (byte*)data[6].Address : null;
            byte* c7 = TCount.Value > 7 ? (byte*)data[7].Address : null;
            byte* p = rows.P;
            byte* q = rows.Q;
            byte* end = rows.P + (to & -StepBytes);
            Bytes32 bias = Vector256.Create(biasOfQ);
            for (; p < end; p += StepBytes, q += StepBytes)
            {
                Bytes32 p0 = Vector256.Load(c0 + 0);
                Bytes32 p1 = Vector256.Load(c0 + 32);
                Bytes32 p2 = Vector256.Load(c0 + 64);
                Bytes32 p3 = Vector256.Load(c0 + 96);
                c0 += StepBytes;
                Bytes32 q0 = p0;
                Bytes32 q1 = p1;
                Bytes32 q2 = p2;
                Bytes32 q3 = p3;
                AddTwice(ref c1, none, ref p0, ref p1, ref p2, ref p3, ref q0, ref q1, ref q2, ref q3);
                if (TCount.Value > 2)
                    AddTwice(ref c2, none, ref p0, ref p1, ref p2, ref p3, ref q0, ref q1, ref q2, ref q3);
                if (TCount.Value > 3)
                    AddTwice(ref c3, none, ref p0, ref p1, ref p2, ref p3, ref q0, ref q1, ref q2, ref q3);
                if (TCount.Value > 4)
                    AddTwice(ref c4, none, ref p0, ref p1, ref p2, ref p3, ref q0, ref q1, ref q2, ref q3);
                if (TCount.Value > 5)
                    AddTwice(ref c5, none, ref p0, ref p1, ref p2, ref p3, ref q0, ref q1, ref q2, ref q3);
                if (TCount.Value > 6)
                    AddTwice(ref c6, none, ref p0, ref p1, ref p2, ref p3, ref q0, ref q1, ref q2, ref q3);
                if (TCount.Value > 7)
                    AddTwice(ref c7, none, ref p0, ref p1, ref p2, ref p3, ref q0, ref q1, ref q2, ref q3);
                p0.Store(p + 0);
                p1.Store(p + 32);
                p2.Store(p + 64);
                p3.Store(p + 96);
                (q0 ^ bias).Store(q + 0);
                (q1 ^ bias).Store(q + 32);
                (q2 ^ bias).Store(q + 64);
                (q3 ^ bias).Store(q + 96);
            }

            return (nint)(end - rows.P);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add(ref byte* column, ref Bytes32 p0, ref Bytes32 p1, ref Bytes32 p2, ref Bytes32 p3)
    {
        unchecked
        {
            p0 ^= Vector256.Load(column + 0);
            p1 ^= Vector256.Load(column + 32);
            p2 ^= Vector256.Load(column + 64);
            p3 ^= Vector256.Load(column + 96);
            column += StepBytes;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddTwice(
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
