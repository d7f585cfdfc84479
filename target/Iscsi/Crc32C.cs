using System.Numerics;
using System.Runtime.InteropServices;

namespace Cstor.Target.Iscsi;

/// <summary>
/// Header and data digests, RFC 7143 §13.1: CRC32C, reflected, seeded with ones and inverted at the end. On the wire
/// the digest's bytes go out lowest first.
/// </summary>
internal static class Crc32C
{
    /// <summary>State before the first byte.</summary>
    public const uint Seed = 0xffff_ffff;

    /// <summary>Takes more bytes into a running state.</summary>
    public static uint Append(uint state, ReadOnlySpan<byte> bytes)
    {
        ReadOnlySpan<ulong> words = MemoryMarshal.Cast<byte, ulong>(bytes);
        foreach (ulong word in words) state = BitOperations.Crc32C(state, word);
        foreach (byte value in bytes[(words.Length * 8)..]) state = BitOperations.Crc32C(state, value);
        return state;
    }

    /// <summary>The digest of what the state has taken in.</summary>
    public static uint Finish(uint state) => ~state;

    public static uint Compute(ReadOnlySpan<byte> bytes) => Finish(Append(Seed, bytes));
}
