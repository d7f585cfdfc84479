namespace Cstor.PoolLayout;

/// <summary>
/// How a block is checksummed. Zero is reserved so that a zeroed pointer is never mistaken for a valid one.
/// </summary>
public enum ChecksumKind : byte
{
    /// <summary>XXH3, 128 bits, over the physical bytes.</summary>
    Xxh128 = 1,

    /// <summary>BLAKE3, its first 128 bits, over the physical bytes.</summary>
    Blake3 = 2,
}
