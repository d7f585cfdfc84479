// Two columns from P and Q in one pass over memory, for blocks of more columns than FewPairKernel is for. See
// VectorParity for the steps; here they follow each other for 128 bytes at a time, in registers.
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Bytes32 = System.Runtime.Intrinsics.Vector256<byte>;

namespace Cstor.Raid;

/// <summary>Two lost columns from P and Q.</summary>
internal static unsafe class PairKernel
{
    private const int StepBytes = 4 * Lanes.Bytes;

    /// <summary>Rebuilds whole steps of bytes [from, to).</summary>
    /// <returns>Up to where.</returns>
    public static nint Run(in PairBytes pair, nint from, nint to)
    {
        unchecked
        {
            nint at = from;
            for (; to - at >= StepBytes; at += StepBytes) Step(pair, at);
            return at;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Step(in PairBytes pair, nint at)
    {
        unchecked
        {
            SumKnown(pair, at, out Bytes32 p0, out Bytes32 p1, out Bytes32 p2, out Bytes32 p3);

            // The first column that counts needs no multiplication before it.
            Bytes32 bias = Vector256.Create(Lanes.Bias);
            byte** next = pair.Columns;
            byte** first = next + pair.First;
            byte** second = next + pair.Second;
            bool isFirstPassed = pair.First == 0;
            if (isFirstPassed) next++;
            bool isSecondPassed = next == second;
            byte* column = *next++ + at;
            Bytes32 q0 = bias ^ (isSecondPassed ? p0 : Vector256.Load(column + 0));
            Bytes32 q1 = bias ^ (isSecondPassed ? p1 : Vector256.Load(column + 32));
            Bytes32 q2 = bias ^ (isSecondPassed ? p2 : Vector256.Load(column + 64));
            Bytes32 q3 = bias ^ (isSecondPassed ? p3 : Vector256.Load(column + 96));
            if (!isFirstPassed)
            {
                Run(ref next, first, at, ref q0, ref q1, ref q2, ref q3);
                Double(ref q0, ref q1, ref q2, ref q3);
                next++;
            }

            if (!isSecondPassed)
            {
                Run(ref next, second, at, ref q0, ref q1, ref q2, ref q3);
                Double(ref q0, ref q1, ref q2, ref q3);
                q0 ^= p0;
                q1 ^= p1;
                q2 ^= p2;
                q3 ^= p3;
                next++;
            }

            Run(ref next, pair.Columns + pair.Count, at, ref q0, ref q1, ref q2, ref q3);
            for (int i = 0; i < pair.Zeroes; i++) Double(ref q0, ref q1, ref q2, ref q3);
            Finish(pair, at, p0, q0 ^ bias);
            Finish(pair, at + Lanes.Bytes, p1, q1 ^ bias);
            Finish(pair, at + (2 * Lanes.Bytes), p2, q2 ^ bias);
            Finish(pair, at + (3 * Lanes.Bytes), p3, q3 ^ bias);
        }
    }

    // P of what is lost.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void SumKnown(
        in PairBytes pair,
        nint at,
        out Bytes32 p0,
        out Bytes32 p1,
        out Bytes32 p2,
        out Bytes32 p3)
    {
        unchecked
        {
            byte* column = *pair.Known + at;
            p0 = Vector256.Load(column + 0);
            p1 = Vector256.Load(column + 32);
            p2 = Vector256.Load(column + 64);
            p3 = Vector256.Load(column + 96);
            byte** end = pair.Known + pair.KnownCount;
            for (byte** known = pair.Known + 1; known < end; known++)
            {
                column = *known + at;
                Sse.Prefetch0(column + HornerKernel<Rows.OnlyQ>.PrefetchBytes);
                Sse.Prefetch0(column + HornerKernel<Rows.OnlyQ>.PrefetchBytes + 64);
                p0 ^= Vector256.Load(column + 0);
                p1 ^= Vector256.Load(column + 32);
                p2 ^= Vector256.Load(column + 64);
                p3 ^= Vector256.Load(column + 96);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Run(
        ref byte** next,
        byte** end,
        nint at,
        ref Bytes32 q0,
        ref Bytes32 q1,
        ref Bytes32 q2,
        ref Bytes32 q3)
    {
        unchecked
        {
            for (; next < end; next++)
            {
                byte* column = *next + at;
                q0 = Lanes.Double(q0) ^ Vector256.Load(column + 0);
                q1 = Lanes.Double(q1) ^ Vector256.Load(column + 32);
                q2 = Lanes.Double(q2) ^ Vector256.Load(column + 64);
                q3 = Lanes.Double(q3) ^ Vector256.Load(column + 96);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Double(
        ref Bytes32 q0,
        ref Bytes32 q1,
        ref Bytes32 q2,
        ref Bytes32 q3)
    {
        q0 = Lanes.Double(q0);
        q1 = Lanes.Double(q1);
        q2 = Lanes.Double(q2);
        q3 = Lanes.Double(q3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Finish(in PairBytes pair, nint at, Bytes32 p, Bytes32 q)
    {
        unchecked
        {
            Bytes32 first = Lanes.Product(
                q ^ Vector256.Load(pair.Q + at),
                Lanes.Table(pair.Table),
                Lanes.Table(pair.Table + 16));
            first.Store(pair.Columns[pair.First] + at);
            (p ^ first).Store(pair.Columns[pair.Second] + at);
        }
    }
}
