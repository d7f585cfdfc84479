using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Cstor.Raid;

/// <summary>The sum of columns: P, and a lost column from P.</summary>
internal static unsafe class XorKernel
{
    /// <summary>Sums up bytes [from, to) of all columns; the sum is none of them.</summary>
    public static void Run(byte** columns, int count, byte* sum, nint from, nint to)
    {
        unchecked
        {
            nint at = from;
            byte** end = columns + count;
            for (; to - at >= 8 * Lanes.Bytes; at += 8 * Lanes.Bytes) Eight(columns, end, sum + at, at);
            for (; to - at >= Lanes.Bytes; at += Lanes.Bytes) One(columns, end, sum, at);
            if (at == to) return;

            // The rest is computed once more with what is before it, if there is enough.
            if (to - from >= Lanes.Bytes) One(columns, end, sum, to - Lanes.Bytes);
            else for (; at < to; at++) OneByte(columns, end, sum, at);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Eight(byte** columns, byte** end, byte* sum, nint at)
    {
        unchecked
        {
            byte* column = *columns + at;
            Vector256<byte> a = Vector256.Load(column);
            Vector256<byte> b = Vector256.Load(column + 32);
            Vector256<byte> c = Vector256.Load(column + 64);
            Vector256<byte> d = Vector256.Load(column + 96);
            Vector256<byte> e = Vector256.Load(column + 128);
            Vector256<byte> f = Vector256.Load(column + 160);
            Vector256<byte> g = Vector256.Load(column + 192);
            Vector256<byte> h = Vector256.Load(column + 224);
            for (byte** next = columns + 1; next < end; next++)
            {
                column = *next + at;
                a ^= Vector256.Load(column);
                b ^= Vector256.Load(column + 32);
                c ^= Vector256.Load(column + 64);
                d ^= Vector256.Load(column + 96);
                e ^= Vector256.Load(column + 128);
                f ^= Vector256.Load(column + 160);
                g ^= Vector256.Load(column + 192);
                h ^= Vector256.Load(column + 224);
            }

            a.Store(sum);
            b.Store(sum + 32);
            c.Store(sum + 64);
            d.Store(sum + 96);
            e.Store(sum + 128);
            f.Store(sum + 160);
            g.Store(sum + 192);
            h.Store(sum + 224);
        }
    }

    private static void One(byte** columns, byte** end, byte* sum, nint at)
    {
        Vector256<byte> value = Vector256.Load(*columns + at);
        for (byte** next = columns + 1; next < end; next++) value ^= Vector256.Load(*next + at);
        value.Store(sum + at);
    }

    private static void OneByte(byte** columns, byte** end, byte* sum, nint at)
    {
        byte value = (*columns)[at];
        for (byte** next = columns + 1; next < end; next++) value ^= (*next)[at];
        sum[at] = value;
    }
}
