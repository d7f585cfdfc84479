using Cstor.Engine.Host;
using Cstor.PoolLayout;

namespace Cstor.Engine.Volumes;

/// <summary>What a block is stored as.</summary>
/// <param name="Buffer">Its compressed bytes, or null for the block as it is.</param>
/// <param name="Compression">How it is compressed.</param>
/// <param name="PhysicalBytes">Length of what is stored, without padding.</param>
internal readonly record struct StoredBlock(IoBuffer? Buffer, CompressionKind Compression, int PhysicalBytes);
