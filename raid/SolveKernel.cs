// Turns what is left of one or two parity rows, when all known columns are taken out, into the lost columns:
// a multiplication by a constant matrix. A product with a constant is two look-ups of half a byte each.
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Cstor.Raid;

/// <summary>Multiplies columns by a matrix, in place.</summary>
internal static unsafe class SolveKernel
{
    /// <summary>Bytes of tables for one factor: products of the low, then of the high half of a byte.
    /// </summary>
    public const int TableBytes = 32;

    public static void FillTable(byte* table, byte factor) => Lanes.Products(factor).Store(table);

    /// <summary>x = factor * x; then, if there is a rest, rest = rest + x.</summary>
    public static void One(byte* table, byte* x, byte* rest, nint from, nint to)
    {
        unchecked
        {
            nint at = from;
            Vector256<byte> low = Lanes.Table(table);
            Vector256<byte> high = Lanes.Table(table + 16);
            for (; rest != null && to - at >= 2 * Lanes.Bytes; at += 2 * Lanes.Bytes)
            {
                Vector256<byte> first = Lanes.Product(Vector256.Load(x + at), low, high);
                Vector256<byte> second = Lanes.Product(Vector256.Load(x + at + Lanes.Bytes), low, high);
                first.Store(x + at);
                second.Store(x + at + Lanes.Bytes);
                (first ^ Vector256.Load(rest + at)).Store(rest + at);
                (second ^ Vector256.Load(rest + at + Lanes.Bytes)).Store(rest + at + Lanes.Bytes);
            }

            for (; to - at >= Lanes.Bytes; at += Lanes.Bytes)
            {
                Vector256<byte> value = Lanes.Product(Vector256.Load(x + at), low, high);
                value.Store(x + at);
                if (rest != null) (value ^ Vector256.Load(rest + at)).Store(rest + at);
            }

            for (; at < to; at++)
            {
                x[at] = Byte(x[at], table);
                if (rest != null) rest[at] ^= x[at];
            }
        }
    }

    /// <summary>(x, y) = (f0 x + f1 y, f2 x + f3 y); then, if there is a rest, rest = rest + x + y.</summary>
    public static void Two(byte* tables, byte* x, byte* y, byte* rest, nint from, nint to)
    {
        nint at = from;
        for (; to - at >= Lanes.Bytes; at += Lanes.Bytes)
        {
            Vector256<byte> a = Vector256.Load(x + at);
            Vector256<byte> b = Vector256.Load(y + at);
            Vector256<byte> newX = Product(a, tables) ^ Product(b, tables + TableBytes);
            Vector256<byte> newY =
                Product(a, tables + (2 * TableBytes)) ^ Product(b, tables + (3 * TableBytes));
            newX.Store(x + at);
            newY.Store(y + at);
            if (rest != null) (Vector256.Load(rest + at) ^ newX ^ newY).Store(rest + at);
        }

        for (; at < to; at++)
        {
            (byte a, byte b) = (x[at], y[at]);
            x[at] = (byte)(Byte(a, tables) ^ Byte(b, tables + TableBytes));
            y[at] = (byte)(Byte(a, tables + (2 * TableBytes)) ^ Byte(b, tables + (3 * TableBytes)));
            if (rest != null) rest[at] ^= (byte)(x[at] ^ y[at]);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<byte> Product(Vector256<byte> value, byte* table) =>
        Lanes.Product(value, Lanes.Table(table), Lanes.Table(table + 16));

    private static byte Byte(byte value, byte* table) =>
        (byte)(table[value & 15] ^ table[16 + (value >> 4)]);
}
