using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Cstor.PoolLayout.Checksums;

// CRC-32C (polynomial 1EDC6F41, reflected; initial value and final exclusive-or all ones), as RFC 7143 §13.1
// asks for the iSCSI digests and RFC 3720 appendix B.4 gives test vectors for.
//
// The processor's CRC32 instruction takes 8 bytes a cycle but answers after three, so three thirds of the
// input are taken side by side. Their remainders are put together by algebra: appending n zero bytes to a
// message multiplies its remainder by x^(8n) modulo the polynomial. The carry-less product of a remainder
// with x^(8n-33) is a 64-bit value that, fed to one more CRC32 of 8 bytes (which multiplies by x^32), gives
// just that; the missing x^1 is the bit by which the product of two reflected values is displaced.

/// <summary>CRC-32C (Castagnoli) as iSCSI and others use it.</summary>
public static unsafe class Crc32C
{
    /// <summary>
    /// Largest third that is taken at once: 8 KiB in three lanes, and the table stays below 3 KiB.
    /// </summary>
    private const int LaneMaximumBytes = 2728;

    /// <summary>Below this the setting up of three lanes costs more than it saves.</summary>
    private const int LanesFromBytes = 256;

    /// <summary>Entry i is x^(64 i - 33) modulo the polynomial, reflected: appends 8 i zero bytes.</summary>
    private static readonly uint[] AppendZeroWords = MakeAppendTable();

    /// <summary>
    /// The checksum of <paramref name="bytes"/>, following those that gave <paramref name="seed"/> (0 at the
    /// start).
    /// </summary>
    public static uint Compute(ReadOnlySpan<byte> bytes, uint seed = 0) =>
        Sse42.X64.IsSupported && Pclmulqdq.IsSupported
            ? ComputeHardware(bytes, seed)
            : ComputeScalar(bytes, seed);

    /// <summary>The same bit by bit: what the fast code is checked against, and the way without it.</summary>
    internal static uint ComputeScalar(ReadOnlySpan<byte> bytes, uint seed)
    {
        uint crc = ~seed;
        foreach (byte value in bytes)
        {
            crc ^= value;
            for (int bit = 0; bit < 8; bit++) crc = (crc & 1) == 0 ? crc >> 1 : (crc >> 1) ^ 0x82F63B78;
        }
        return ~crc;
    }

    private static uint ComputeHardware(ReadOnlySpan<byte> bytes, uint seed)
    {
        unchecked
        {
            ulong crc = ~seed;
            fixed (byte* start = bytes)
            {
                byte* at = start;
                int left = bytes.Length;
                while (left >= LanesFromBytes)
                {
                    int lane = Math.Min(left / 3 & ~7, LaneMaximumBytes);
                    crc = ThreeLanes(crc, at, lane);
                    at += 3 * lane;
                    left -= 3 * lane;
                }
                for (; left >= 8; at += 8, left -= 8) crc = Sse42.X64.Crc32(crc, *(ulong*)at);
                uint tail = (uint)crc;
                for (; left > 0; at++, left--) tail = Sse42.Crc32(tail, *at);
                return ~tail;
            }
        }
    }

    private static ulong ThreeLanes(ulong first, byte* at, int lane)
    {
        unchecked
        {
            ulong second = 0;
            ulong third = 0;
            byte* end = at + lane;
            byte* unrolledEnd = at + (lane & ~31);
            nint step = lane;
            nint twoSteps = 2 * step;
            for (; at < unrolledEnd; at += 32)
            {
                first = Sse42.X64.Crc32(first, *(ulong*)at);
                second = Sse42.X64.Crc32(second, *(ulong*)(at + step));
                third = Sse42.X64.Crc32(third, *(ulong*)(at + twoSteps));
                first = Sse42.X64.Crc32(first, *(ulong*)(at + 8));
                second = Sse42.X64.Crc32(second, *(ulong*)(at + step + 8));
                third = Sse42.X64.Crc32(third, *(ulong*)(at + twoSteps + 8));
                first = Sse42.X64.Crc32(first, *(ulong*)(at + 16));
                second = Sse42.X64.Crc32(second, *(ulong*)(at + step + 16));
                third = Sse42.X64.Crc32(third, *(ulong*)(at + twoSteps + 16));
                first = Sse42.X64.Crc32(first, *(ulong*)(at + 24));
                second = Sse42.X64.Crc32(second, *(ulong*)(at + step + 24));
                third = Sse42.X64.Crc32(third, *(ulong*)(at + twoSteps + 24));
            }
            for (; at < end; at += 8)
            {
                first = Sse42.X64.Crc32(first, *(ulong*)at);
                second = Sse42.X64.Crc32(second, *(ulong*)(at + step));
                third = Sse42.X64.Crc32(third, *(ulong*)(at + twoSteps));
            }
            int words = lane >> 3;
            ulong appended =
                Product(first, AppendZeroWords[2 * words]) ^ Product(second, AppendZeroWords[words]);
            return third ^ Sse42.X64.Crc32(0, appended);
        }
    }

    /// <summary>Carry-less product of two 32-bit values.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Product(ulong left, uint right) => Pclmulqdq.CarrylessMultiply(
        Vector128.CreateScalar(left), Vector128.CreateScalar((ulong)right), 0).ToScalar();

    private static uint[] MakeAppendTable()
    {
        uint[] table = new uint[(2 * LaneMaximumBytes / 8) + 1];
        // x^31 reflected is 1; a CRC of the value as the low half of 8 bytes multiplies by x^64.
        table[1] = 1;
        for (int i = 2; i < table.Length; i++) table[i] = BitOperations.Crc32C(0, (ulong)table[i - 1]);
        return table;
    }
}
