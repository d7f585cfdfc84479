// Q = (..((D0 * 2) + D1) * 2 + ..) + Dn-1, R likewise with 4: columns are read once, in order, and each step
// costs an addition, a table look-up and a sum for a whole vector.
//
// Twice a byte is a shift, and the reduction 0x1D added where the top bit fell off. PSHUFB gives zero for a
// byte whose top bit is set, so from a table of nothing but 0x1D it gives the reduction just where it is not
// due. Taking that instead computes 2x + 0x1D rather than 2x. The bias b with 2b + 0x1D = b comes through
// such a step as itself: so Q and R are kept as Q + b and R + b, and b is taken off at the end.
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Bytes32 = System.Runtime.Intrinsics.Vector256<byte>;

namespace Cstor.Raid;

/// <summary>Q and R of columns, and P beside them.</summary>
internal static unsafe class HornerKernel<TRows>
    where TRows : struct, IRows
{
    /// <summary>Data mostly comes from the second-level cache, and the processor follows few streams by
    /// itself: with this, measured, a quarter faster from there and as fast from the first.</summary>
    public const int PrefetchBytes = 512;

    // Rows for parity have P; rows that find lost columns have not, and leave these out.
    private static bool CanHaveHoles => !TRows.P;

    // Three rows of four vectors want more registers than there are.
    private static bool CanHoldFour => !(TRows.P && TRows.R);

    /// <summary>Computes bytes [from, to) of the rows.</summary>
    /// <param name="columns">Without P, null for a column of zeroes.</param>
    /// <param name="count">How many.</param>
    /// <param name="zeroes">Columns of zeroes that follow.</param>
    /// <param name="rows">What to compute.</param>
    /// <param name="from">First byte of each column.</param>
    /// <param name="to">Byte behind the last.</param>
    public static void Run(byte** columns, int count, int zeroes, in RowBytes rows, nint from, nint to)
    {
        unchecked
        {
            // Leading columns of zeroes leave nothing to multiply.
            byte** end = columns + count;
            while (columns < end && *columns == null) columns++;
            if (columns == end)
            {
                Fill(rows, from, to);
                return;
            }

            nint at = from;
            if (CanHoldFour)
            {
                nint step = 4 * Lanes.Bytes;
                for (; to - at >= step; at += step) Four(columns, end, zeroes, rows, at);
            }

            for (; to - at >= 2 * Lanes.Bytes; at += 2 * Lanes.Bytes) Two(columns, end, zeroes, rows, at);
            for (; to - at >= Lanes.Bytes; at += Lanes.Bytes) One(columns, end, zeroes, rows, at);
            if (at == to) return;

            // The rest is computed once more with what is before it, if there is enough.
            if (to - from >= Lanes.Bytes) One(columns, end, zeroes, rows, to - Lanes.Bytes);
            else for (; at < to; at++) OneByte(columns, end, zeroes, rows, at);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Four(byte** columns, byte** end, int zeroes, in RowBytes rows, nint at)
    {
        unchecked
        {
            byte* column = *columns + at;
            Begin(Vector256.Load(column + 0), out Bytes32 p0, out Bytes32 q0, out Bytes32 r0);
            Begin(Vector256.Load(column + 32), out Bytes32 p1, out Bytes32 q1, out Bytes32 r1);
            Begin(Vector256.Load(column + 64), out Bytes32 p2, out Bytes32 q2, out Bytes32 r2);
            Begin(Vector256.Load(column + 96), out Bytes32 p3, out Bytes32 q3, out Bytes32 r3);
            for (byte** next = columns + 1; next < end; next++)
            {
                if (CanHaveHoles && *next == null)
                {
                    Step(ref q0, ref r0);
                    Step(ref q1, ref r1);
                    Step(ref q2, ref r2);
                    Step(ref q3, ref r3);
                    continue;
                }

                column = *next + at;
                Sse.Prefetch0(column + PrefetchBytes);
                Sse.Prefetch0(column + PrefetchBytes + 64);
                Step(Vector256.Load(column + 0), ref p0, ref q0, ref r0);
                Step(Vector256.Load(column + 32), ref p1, ref q1, ref r1);
                Step(Vector256.Load(column + 64), ref p2, ref q2, ref r2);
                Step(Vector256.Load(column + 96), ref p3, ref q3, ref r3);
            }

            for (int i = 0; i < zeroes; i++)
            {
                Step(ref q0, ref r0);
                Step(ref q1, ref r1);
                Step(ref q2, ref r2);
                Step(ref q3, ref r3);
            }

            Finish(rows, at + 0, p0, q0, r0);
            Finish(rows, at + 32, p1, q1, r1);
            Finish(rows, at + 64, p2, q2, r2);
            Finish(rows, at + 96, p3, q3, r3);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Two(byte** columns, byte** end, int zeroes, in RowBytes rows, nint at)
    {
        unchecked
        {
            byte* column = *columns + at;
            Begin(Vector256.Load(column + 0), out Bytes32 p0, out Bytes32 q0, out Bytes32 r0);
            Begin(Vector256.Load(column + 32), out Bytes32 p1, out Bytes32 q1, out Bytes32 r1);
            for (byte** next = columns + 1; next < end; next++)
            {
                if (CanHaveHoles && *next == null)
                {
                    Step(ref q0, ref r0);
                    Step(ref q1, ref r1);
                    continue;
                }

                column = *next + at;
                Sse.Prefetch0(column + PrefetchBytes);
                Sse.Prefetch0(column + PrefetchBytes + 64);
                Step(Vector256.Load(column + 0), ref p0, ref q0, ref r0);
                Step(Vector256.Load(column + 32), ref p1, ref q1, ref r1);
            }

            for (int i = 0; i < zeroes; i++)
            {
                Step(ref q0, ref r0);
                Step(ref q1, ref r1);
            }

            Finish(rows, at + 0, p0, q0, r0);
            Finish(rows, at + 32, p1, q1, r1);
        }
    }

    private static void One(byte** columns, byte** end, int zeroes, in RowBytes rows, nint at)
    {
        Begin(
            Vector256.Load(*columns + at),
            out Bytes32 p,
            out Bytes32 q,
            out Bytes32 r);
        for (byte** next = columns + 1; next < end; next++)
        {
            if (CanHaveHoles && *next == null) Step(ref q, ref r);
            else Step(Vector256.Load(*next + at), ref p, ref q, ref r);
        }

        for (int i = 0; i < zeroes; i++) Step(ref q, ref r);
        Finish(rows, at, p, q, r);
    }

    private static void OneByte(byte** columns, byte** end, int zeroes, in RowBytes rows, nint at)
    {
        byte p = 0;
        byte q = 0;
        byte r = 0;
        for (byte** next = columns; next < end + zeroes; next++)
        {
            byte value = next >= end || *next == null ? (byte)0 : (*next)[at];
            p ^= value;
            q = (byte)(GaloisField.Double(q) ^ value);
            r = (byte)(GaloisField.Double(GaloisField.Double(r)) ^ value);
        }

        if (!TRows.P && TRows.Q) q ^= rows.AddToQ[at];
        if (!TRows.P && TRows.R) r ^= rows.AddToR[at];
        if (TRows.P) rows.P[at] = p;
        if (TRows.Q) rows.Q[at] = q;
        if (TRows.R) rows.R[at] = r;
    }

    // All columns are zero.
    private static void Fill(in RowBytes rows, nint from, nint to)
    {
        int length = (int)(to - from);
        if (TRows.P) new Span<byte>(rows.P + from, length).Clear();
        if (TRows.Q) Fill(rows.Q + from, TRows.P ? null : rows.AddToQ + from, length);
        if (TRows.R) Fill(rows.R + from, TRows.P ? null : rows.AddToR + from, length);
    }

    private static void Fill(byte* target, byte* addend, int length)
    {
        Span<byte> bytes = new(target, length);
        if (addend == null) bytes.Clear();
        else new ReadOnlySpan<byte>(addend, length).CopyTo(bytes);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Begin(
        Bytes32 value,
        out Bytes32 p,
        out Bytes32 q,
        out Bytes32 r)
    {
        p = value;
        q = value ^ Vector256.Create(Lanes.Bias);
        r = q;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Step(
        Bytes32 value,
        ref Bytes32 p,
        ref Bytes32 q,
        ref Bytes32 r)
    {
        if (TRows.P) p ^= value;
        if (TRows.Q) q = Lanes.Double(q) ^ value;
        if (TRows.R) r = Lanes.Double(Lanes.Double(r)) ^ value;
    }

    // A column of zeroes.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Step(ref Bytes32 q, ref Bytes32 r)
    {
        if (TRows.Q) q = Lanes.Double(q);
        if (TRows.R) r = Lanes.Double(Lanes.Double(r));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Finish(
        in RowBytes rows,
        nint at,
        Bytes32 p,
        Bytes32 q,
        Bytes32 r)
    {
        unchecked
        {
            Bytes32 bias = Vector256.Create(Lanes.Bias);
            if (TRows.P) p.Store(rows.P + at);
            if (TRows.Q && TRows.P) (q ^ bias).Store(rows.Q + at);
            if (TRows.R && TRows.P) (r ^ bias).Store(rows.R + at);
            if (TRows.Q && !TRows.P) (q ^ bias ^ Vector256.Load(rows.AddToQ + at)).Store(rows.Q + at);
            if (TRows.R && !TRows.P) (r ^ bias ^ Vector256.Load(rows.AddToR + at)).Store(rows.R + at);
        }
    }
}
