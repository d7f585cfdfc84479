namespace Cstor.PoolLayout;

/// <summary>How a block is stored.</summary>
public enum CompressionKind : byte
{
    Off = 0,
    Lz4 = 1,
    Zstd = 2,
}
