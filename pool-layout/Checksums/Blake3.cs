using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Cstor.PoolLayout.Checksums;

// BLAKE3 after its specification (O'Connor, Aumasson, Neves, Wilcox-O'Hearn, "BLAKE3: one function, fast
// everywhere"), plain mode, the first 128 bits of the result. Nobody knows how to make two inputs with the
// same result, which is what sets it apart from XXH3.
//
// The input is cut in chunks of 1 KiB, each of which gives a chaining value of 32 bytes. Two values side by
// side are the one block of their parent's compression, and so on up to the root. A subtree on the left is
// always full, so pairing neighbours level by level, with an odd last one going up as it is, makes the same
// tree. And since the pairs of a level lie one behind the other in memory, parents are computed like chunks:
// eight at a time (Blake3Lanes).

/// <summary>BLAKE3, its first 128 bits: the cryptographic choice for the checksum of data.</summary>
public static unsafe class Blake3
{
    /// <summary>Largest input: the largest block that a pointer can name.</summary>
    public const int MaximumBytes = 1 << 24;

    internal const int ChunkBytes = 1024;
    internal const int BlockBytes = 64;
    internal const int ValueWords = 8;
    internal const int Rounds = 7;
    internal const uint ChunkStart = 1;
    internal const uint ChunkEnd = 2;
    internal const uint Parent = 4;
    internal const uint Root = 8;

    // Chunks whose values are in memory at once. What is longer has as many such pieces at most.
    private const int PieceChunks = 128;
    private const int PieceBytes = PieceChunks * ChunkBytes;

    /// <summary>The value that everything begins with.</summary>
    internal static ReadOnlySpan<uint> Initial =>
    [
        0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19,
    ];

    /// <summary>For each round the order in which it takes the block's 16 words.</summary>
    internal static ReadOnlySpan<byte> Order =>
    [
        0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
        2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8,
        3, 4, 10, 12, 13, 2, 7, 14, 6, 5, 9, 0, 11, 15, 8, 1,
        10, 7, 12, 9, 14, 3, 13, 15, 4, 0, 11, 2, 5, 8, 1, 6,
        12, 13, 9, 11, 15, 10, 14, 8, 7, 2, 5, 3, 0, 1, 6, 4,
        9, 14, 11, 5, 8, 12, 15, 1, 13, 3, 0, 10, 2, 6, 4, 7,
        11, 15, 5, 0, 1, 9, 8, 6, 14, 10, 2, 12, 3, 4, 7, 13,
    ];

    /// <summary>The first 128 bits of the hash of <paramref name="bytes"/>.</summary>
    public static Hash128 Compute(ReadOnlySpan<byte> bytes) => Compute(bytes, Avx2.IsSupported);

    /// <summary>The same by plain arithmetic: what the vector code is checked against.</summary>
    internal static Hash128 ComputeScalar(ReadOnlySpan<byte> bytes) => Compute(bytes, useAvx2: false);

    [SkipLocalsInit]
    private static Hash128 Compute(ReadOnlySpan<byte> bytes, bool useAvx2)
    {
        Check.That(bytes.Length <= MaximumBytes);
        uint* values = stackalloc uint[PieceChunks * ValueWords];
        fixed (byte* input = bytes)
        {
            if (bytes.Length <= ChunkBytes)
            {
                Blake3Scalar.Chunk(input, bytes.Length, 0, Root, values);
                return First128(values);
            }

            int count = bytes.Length <= PieceBytes
                ? Chunks(input, bytes.Length, 0, values, useAvx2)
                : Pieces(input, bytes.Length, values, useAvx2);
            Reduce(values, count, 2, useAvx2);
        }

        uint* root = stackalloc uint[ValueWords];
        Initial.CopyTo(new Span<uint>(root, ValueWords));
        Blake3Scalar.Compress(root, values, 0, BlockBytes, Parent | Root);
        return First128(root);
    }

    private static Hash128 First128(uint* value) => *(Hash128*)value;

    /// <summary>The values of all pieces; each but the last is a full subtree.</summary>
    [SkipLocalsInit]
    private static int Pieces(byte* input, int length, uint* values, bool useAvx2)
    {
        uint* piece = stackalloc uint[PieceChunks * ValueWords];
        int count = 0;
        for (int at = 0; at < length; at += PieceBytes)
        {
            int part = Math.Min(PieceBytes, length - at);
            Reduce(piece, Chunks(input + at, part, (uint)at / ChunkBytes, piece, useAvx2), 1, useAvx2);
            Vector256.Load(piece).Store(values + (ValueWords * count++));
        }

        return count;
    }

    /// <summary>The values of a piece's chunks; the first has number <paramref name="counter"/>.</summary>
    private static int Chunks(byte* input, int length, uint counter, uint* values, bool useAvx2)
    {
        int full = length / ChunkBytes;
        int count = full;
        int rest = length % ChunkBytes;
        if (useAvx2 && full > 1)
        {
            Blake3Lanes.Chunks(input, full, counter, values);
        }
        else
        {
            for (int i = 0; i < full; i++)
                Blake3Scalar.Chunk(input + (i * ChunkBytes), ChunkBytes, counter + (uint)i, 0,
                    values + (ValueWords * i));
        }

        if (rest == 0) return count;
        Blake3Scalar.Chunk(input + (full * ChunkBytes), rest, counter + (uint)full, 0,
            values + (ValueWords * full));
        return count + 1;
    }

    /// <summary>Replaces values by their parents', level by level, until so many are left.</summary>
    private static void Reduce(uint* values, int count, int until, bool useAvx2)
    {
        while (count > until)
        {
            int pairs = count / 2;
            // What has no neighbour goes up as it is; the lanes may write over it first.
            Vector256<uint> odd = Vector256.Load(values + (ValueWords * (count - 1)));
            if (useAvx2 && pairs > 1)
            {
                Blake3Lanes.Parents(values, pairs);
            }
            else
            {
                for (int i = 0; i < pairs; i++) Blake3Scalar.ParentOf(values, i);
            }

            if ((count & 1) != 0) odd.Store(values + (ValueWords * pairs));
            count -= pairs;
        }
    }
}
