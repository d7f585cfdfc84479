using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Cstor.PoolLayout;

/// <summary>Finds blocks of zeroes, which become holes.</summary>
public static class ZeroBlock
{
    /// <summary>
    /// Whether every byte is zero; nothing at all counts as zeroes. Leaves at the first 128 bytes that hold
    /// something, so for blocks with content it costs next to nothing.
    /// </summary>
    public static bool IsZero(ReadOnlySpan<byte> bytes)
    {
        ref byte start = ref MemoryMarshal.GetReference(bytes);
        nuint length = (nuint)bytes.Length;
        nuint at = 0;
        for (; length - at >= 128; at += 128)
        {
            Vector256<byte> any = Vector256.LoadUnsafe(ref start, at)
                | Vector256.LoadUnsafe(ref start, at + 32)
                | Vector256.LoadUnsafe(ref start, at + 64)
                | Vector256.LoadUnsafe(ref start, at + 96);
            if (any != Vector256<byte>.Zero) return false;
        }
        for (; length - at >= 8; at += 8)
            if (Unsafe.ReadUnaligned<ulong>(ref Unsafe.AddByteOffset(ref start, at)) != 0) return false;
        for (; at < length; at++)
            if (Unsafe.AddByteOffset(ref start, at) != 0) return false;
        return true;
    }
}
