using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Cstor.PoolLayout.Checksums;

/// <summary>One compression at a time: the reference, chunks that are not full, and the root.</summary>
internal static unsafe class Blake3Scalar
{
    /// <summary>The value of a chunk of up to 1 KiB.</summary>
    [SkipLocalsInit]
    public static void Chunk(byte* input, int length, uint counter, uint rootFlag, uint* value)
    {
        Blake3.Initial.CopyTo(new Span<uint>(value, Blake3.ValueWords));
        uint flags = Blake3.ChunkStart;
        int at = 0;
        for (; length - at > Blake3.BlockBytes; at += Blake3.BlockBytes)
        {
            Compress(value, (uint*)(input + at), counter, Blake3.BlockBytes, flags);
            flags = 0;
        }

        byte* last = stackalloc byte[Blake3.BlockBytes];
        int rest = length - at;
        new ReadOnlySpan<byte>(input + at, rest).CopyTo(new Span<byte>(last, rest));
        new Span<byte>(last + rest, Blake3.BlockBytes - rest).Clear();
        Compress(value, (uint*)last, counter, rest, flags | Blake3.ChunkEnd | rootFlag);
    }

    /// <summary>Puts the parent of values 2i and 2i+1 in the place of value i.</summary>
    public static void ParentOf(uint* values, int i)
    {
        uint* parent = stackalloc uint[Blake3.ValueWords];
        Blake3.Initial.CopyTo(new Span<uint>(parent, Blake3.ValueWords));
        Compress(parent, values + (2 * i * Blake3.ValueWords), 0, Blake3.BlockBytes, Blake3.Parent);
        new ReadOnlySpan<uint>(parent, Blake3.ValueWords)
            .CopyTo(new Span<uint>(values + (i * Blake3.ValueWords), Blake3.ValueWords));
    }

    /// <summary>Takes a block of 16 words into a value.</summary>
    public static void Compress(uint* value, uint* block, uint counter, int length, uint flags)
    {
        uint a0 = value[0], a1 = value[1], a2 = value[2], a3 = value[3];
        uint b0 = value[4], b1 = value[5], b2 = value[6], b3 = value[7];
        uint c0 = Blake3.Initial[0], c1 = Blake3.Initial[1], c2 = Blake3.Initial[2], c3 = Blake3.Initial[3];
        // The upper half of the counter is zero: no input is long enough.
        uint d0 = counter, d1 = 0, d2 = (uint)length, d3 = flags;
        // The table lies in the image's read-only section and does not move.
        byte* order = (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(Blake3.Order));
        for (byte* end = order + (16 * Blake3.Rounds); order < end; order += 16)
        {
            Mix(ref a0, ref b0, ref c0, ref d0, block[order[0]], block[order[1]]);
            Mix(ref a1, ref b1, ref c1, ref d1, block[order[2]], block[order[3]]);
            Mix(ref a2, ref b2, ref c2, ref d2, block[order[4]], block[order[5]]);
            Mix(ref a3, ref b3, ref c3, ref d3, block[order[6]], block[order[7]]);
            Mix(ref a0, ref b1, ref c2, ref d3, block[order[8]], block[order[9]]);
            Mix(ref a1, ref b2, ref c3, ref d0, block[order[10]], block[order[11]]);
            Mix(ref a2, ref b3, ref c0, ref d1, block[order[12]], block[order[13]]);
            Mix(ref a3, ref b0, ref c1, ref d2, block[order[14]], block[order[15]]);
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
    private static void Mix(ref uint a, ref uint b, ref uint c, ref uint d, uint first, uint second)
    {
        unchecked
        {
            uint a1 = a + b + first;
            uint d1 = BitOperations.RotateRight(d ^ a1, 16);
            uint c1 = c + d1;
            uint b1 = BitOperations.RotateRight(b ^ c1, 12);
            uint a2 = a1 + b1 + second;
            uint d2 = BitOperations.RotateRight(d1 ^ a2, 8);
            uint c2 = c1 + d2;
            a = a2;
            d = d2;
            c = c2;
            b = BitOperations.RotateRight(b1 ^ c2, 7);
        }
    }
}
