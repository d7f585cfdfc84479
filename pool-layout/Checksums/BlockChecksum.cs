namespace Cstor.PoolLayout.Checksums;

/// <summary>The checksum of a block's stored bytes, by the kind that its pointer names.</summary>
public static class BlockChecksum
{
    /// <summary>Of a kind that <see cref="BlockPointer.Validate"/> accepts.</summary>
    public static Hash128 Compute(ChecksumKind kind, ReadOnlySpan<byte> stored)
    {
        if (kind == ChecksumKind.Xxh128) return Xxh128.Compute(stored);
        Check.That(kind == ChecksumKind.Blake3);
        return Blake3.Compute(stored);
    }
}
