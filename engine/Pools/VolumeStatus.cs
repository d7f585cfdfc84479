using Cstor.PoolLayout;

namespace Cstor.Engine.Pools;

/// <summary>What <c>volume list</c> and <c>volume get</c> show.</summary>
/// <param name="Name">Pool and volume, as <c>tank/db</c>.</param>
/// <param name="Id">Identity, kept for life.</param>
/// <param name="SizeBytes">Size of the LUN.</param>
/// <param name="BlockSizeBytes">Block size, fixed at creation.</param>
/// <param name="ReferencedBytes">Space its blocks take on the vdevs, as of the last checkpoint.</param>
/// <param name="LogicalBytes">The same before compression.</param>
/// <param name="Compression">For blocks written from now on.</param>
/// <param name="CompressionLevel">zstd level, 0 for the default.</param>
/// <param name="Sync"><c>standard</c>, <c>always</c> or <c>disabled</c>.</param>
/// <param name="CreatedAt">When.</param>
/// <param name="State"><c>online</c> or <c>destroying</c>.</param>
/// <param name="Properties">All properties as name and value, in the spelling of <c>volume set</c>.</param>
public sealed record VolumeStatus(
    string Name,
    Guid Id,
    long SizeBytes,
    int BlockSizeBytes,
    long ReferencedBytes,
    long LogicalBytes,
    CompressionKind Compression,
    int CompressionLevel,
    string Sync,
    DateTimeOffset CreatedAt,
    string State,
    IReadOnlyList<KeyValuePair<string, string>> Properties);
