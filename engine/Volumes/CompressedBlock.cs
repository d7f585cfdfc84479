using Cstor.Engine.Blocks;
using Cstor.Engine.Host;
using Cstor.PoolLayout;

namespace Cstor.Engine.Volumes;

/// <summary>A block of a compressed volume on its way to the device.</summary>
/// <param name="Extent">The write.</param>
/// <param name="Stored">Compressed bytes, or null where compression did not pay.</param>
/// <param name="Compression">What it was stored with.</param>
/// <param name="PhysicalBytes">Length of the stored bytes.</param>
/// <param name="ContentHash">Of the logical bytes.</param>
/// <param name="Written">Completes when the data is on the device.</param>
internal readonly record struct CompressedBlock(
    ExtentWrite Extent, IoBuffer? Stored, CompressionKind Compression, int PhysicalBytes, Hash128 ContentHash,
        ValueTask<IoStatus> Written);
