using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Cstor.PoolLayout.Checksums;

// Eight compressions side by side: a vector holds the same word of eight inputs. Blocks are turned from one
// input in a vector to one word in a vector as they are read, values back as they are written.
//
// The rounds are a loop that reads the order of words from a table: the additions and rotations are what
// takes the time, and unrolled the code would be seven times as long. Fewer than eight inputs cost as much
// as eight.

/// <summary>Eight chunks, or eight parents, of <see cref="Blake3"/> at a time.</summary>
internal static unsafe class Blake3Lanes
{
    private const int Lanes = 8;
    private const int BlocksOfChunk = Blake3.ChunkBytes / Blake3.BlockBytes;

    /// <summary>
    /// Values of full chunks. Those behind the last, up to a multiple of eight, are overwritten too.
    /// </summary>
    public static void Chunks(byte* input, int count, uint counter, uint* values)
    {
        byte** inputs = stackalloc byte*[Lanes];
        Vector256<uint> numbers = Vector256.Create(counter) + Vector256.Create(0u, 1, 2, 3, 4, 5, 6, 7);
        for (int i = 0; i < count; i += Lanes)
        {
            // Lanes without a chunk take the last one's.
            for (int lane = 0; lane < Lanes; lane++)
                inputs[lane] = input + (Math.Min(i + lane, count - 1) * Blake3.ChunkBytes);
            Run(inputs, BlocksOfChunk, numbers, (Blake3.ChunkStart, 0, Blake3.ChunkEnd),
                values + (i * Blake3.ValueWords));
            numbers += Vector256.Create((uint)Lanes);
        }
    }

    /// <summary>
    /// Puts the parents of so many pairs in the place of the first values. What is behind the last pair, up
    /// to a multiple of eight pairs, is read and its parents are written.
    /// </summary>
    public static void Parents(uint* values, int pairs)
    {
        byte** inputs = stackalloc byte*[Lanes];
        for (int i = 0; i < pairs; i += Lanes)
        {
            for (int lane = 0; lane < Lanes; lane++)
                inputs[lane] = (byte*)(values + ((i + lane) * 2 * Blake3.ValueWords));
            Run(inputs, 1, Vector256<uint>.Zero, (Blake3.Parent, 0, 0), values + (i * Blake3.ValueWords));
        }
    }

    [SkipLocalsInit]
    private static void Run(
        byte** inputs, int blocks, Vector256<uint> counters, (uint First, uint Each, uint Last) flags,
        uint* values)
    {
        Vector256<uint>* words = stackalloc Vector256<uint>[16];
        Vector256<uint>* value = stackalloc Vector256<uint>[8];
        for (int i = 0; i < 8; i++) value[i] = Vector256.Create(Blake3.Initial[i]);
        for (int block = 0; block < blocks; block++)
        {
            int at = block * Blake3.BlockBytes;
            Turn(inputs, at, words);
            Turn(inputs, at + 32, words + 8);
            uint blockFlags = flags.Each
                | (block == 0 ? flags.First : 0) | (block == blocks - 1 ? flags.Last : 0);
            Compress(value, words, counters, blockFlags);
        }

        byte** rows = stackalloc byte*[Lanes];
        for (int i = 0; i < 8; i++) rows[i] = (byte*)(value + i);
        Turn(rows, 0, words);
        for (int i = 0; i < 8; i++) words[i].Store(values + (i * Blake3.ValueWords));
    }

    private static void Compress(
        Vector256<uint>* value, Vector256<uint>* words, Vector256<uint> counters, uint flags)
    {
        Vector256<byte> by16 = Vector256.Create(
            (byte)2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13,
            2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13);
        Vector256<byte> by8 = Vector256.Create(
            (byte)1, 2, 3, 0, 5, 6, 7, 4, 9, 10, 11, 8, 13, 14, 15, 12,
            1, 2, 3, 0, 5, 6, 7, 4, 9, 10, 11, 8, 13, 14, 15, 12);
        Vector256<uint> a0 = value[0], a1 = value[1], a2 = value[2], a3 = value[3];
        Vector256<uint> b0 = value[4], b1 = value[5], b2 = value[6], b3 = value[7];
        Vector256<uint> c0 = Vector256.Create(Blake3.Initial[0]), c1 = Vector256.Create(Blake3.Initial[1]);
        Vector256<uint> c2 = Vector256.Create(Blake3.Initial[2]), c3 = Vector256.Create(Blake3.Initial[3]);
        Vector256<uint> d0 = counters, d1 = Vector256<uint>.Zero;
        Vector256<uint> d2 = Vector256.Create((uint)Blake3.BlockBytes), d3 = Vector256.Create(flags);
        byte* order = (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(Blake3.Order));
        for (byte* end = order + (16 * Blake3.Rounds); order < end; order += 16)
        {
            Mix(ref a0, ref b0, ref c0, ref d0, words[order[0]], words[order[1]], by16, by8);
            Mix(ref a1, ref b1, ref c1, ref d1, words[order[2]], words[order[3]], by16, by8);
            Mix(ref a2, ref b2, ref c2, ref d2, words[order[4]], words[order[5]], by16, by8);
            Mix(ref a3, ref b3, ref c3, ref d3, words[order[6]], words[order[7]], by16, by8);
            Mix(ref a0, ref b1, ref c2, ref d3, words[order[8]], words[order[9]], by16, by8);
            Mix(ref a1, ref b2, ref c3, ref d0, words[order[10]], words[order[11]], by16, by8);
            Mix(ref a2, ref b3, ref c0, ref d1, words[order[12]], words[order[13]], by16, by8);
            Mix(ref a3, ref b0, ref c1, ref d2, words[order[14]], words[order[15]], by16, by8);
        }

        value[0] = a0 ^ c0;
        value[1] = a1 ^ c1;
        value[2] = a2 ^ c2;
        value[3] = a3 ^ c3;
        value[4] = b0 ^ d0;
        value[5] = b1 ^ d1;
        value[6] = b2 ^ d2;
        value[7] = b3 ^ d3;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Mix(
        ref Vector256<uint> a, ref Vector256<uint> b, ref Vector256<uint> c, ref Vector256<uint> d,
        Vector256<uint> first, Vector256<uint> second, Vector256<byte> by16, Vector256<byte> by8)
    {
        a = Avx2.Add(Avx2.Add(a, first), b);
        d = Avx2.Shuffle(Avx2.Xor(d, a).AsByte(), by16).AsUInt32();
        c = Avx2.Add(c, d);
        b = Avx2.Xor(b, c);
        b = Avx2.Or(Avx2.ShiftRightLogical(b, 12), Avx2.ShiftLeftLogical(b, 20));
        a = Avx2.Add(Avx2.Add(a, second), b);
        d = Avx2.Shuffle(Avx2.Xor(d, a).AsByte(), by8).AsUInt32();
        c = Avx2.Add(c, d);
        b = Avx2.Xor(b, c);
        b = Avx2.Or(Avx2.ShiftRightLogical(b, 7), Avx2.ShiftLeftLogical(b, 25));
    }

    /// <summary>Reads 8 words at an offset of each of eight rows, and turns rows into columns.</summary>
    private static void Turn(byte** rows, int at, Vector256<uint>* columns)
    {
        Quads(rows, at, out Vector256<ulong> w0, out Vector256<ulong> w1, out Vector256<ulong> w2,
            out Vector256<ulong> w3);
        Quads(rows + 4, at, out Vector256<ulong> x0, out Vector256<ulong> x1, out Vector256<ulong> x2,
            out Vector256<ulong> x3);
        Join(w0, x0, columns);
        Join(w1, x1, columns + 1);
        Join(w2, x2, columns + 2);
        Join(w3, x3, columns + 3);
    }

    /// <summary>Of four rows words 0 and 4, 1 and 5, 2 and 6, 3 and 7: one in each half.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Quads(
        byte** rows, int at, out Vector256<ulong> w0, out Vector256<ulong> w1, out Vector256<ulong> w2,
        out Vector256<ulong> w3)
    {
        Vector256<uint> r0 = Vector256.Load((uint*)(rows[0] + at));
        Vector256<uint> r1 = Vector256.Load((uint*)(rows[1] + at));
        Vector256<uint> r2 = Vector256.Load((uint*)(rows[2] + at));
        Vector256<uint> r3 = Vector256.Load((uint*)(rows[3] + at));
        Vector256<ulong> low01 = Avx2.UnpackLow(r0, r1).AsUInt64();
        Vector256<ulong> high01 = Avx2.UnpackHigh(r0, r1).AsUInt64();
        Vector256<ulong> low23 = Avx2.UnpackLow(r2, r3).AsUInt64();
        Vector256<ulong> high23 = Avx2.UnpackHigh(r2, r3).AsUInt64();
        w0 = Avx2.UnpackLow(low01, low23);
        w1 = Avx2.UnpackHigh(low01, low23);
        w2 = Avx2.UnpackLow(high01, high23);
        w3 = Avx2.UnpackHigh(high01, high23);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Join(Vector256<ulong> first, Vector256<ulong> second, Vector256<uint>* column)
    {
        column[0] = Avx2.Permute2x128(first, second, 0x20).AsUInt32();
        column[4] = Avx2.Permute2x128(first, second, 0x31).AsUInt32();
    }
}
