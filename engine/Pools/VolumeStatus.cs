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
/// <param name="UsedBytes">Space of the volume and its snapshots; a clone's without what it shares with its
/// origin.</param>
/// <param name="UsedBySnapshotsBytes">Of that, what destroying all its snapshots would give back; of a clone
/// at the most.</param>
/// <param name="StoredBytes">The blocks as they are stored, without parity, copies and nodes.</param>
/// <param name="Origin">The snapshot that a clone was made of, as <c>tank/db@monday</c>; or empty.</param>
/// <param name="SnapshotCount">How many it has.</param>
/// <param name="ReservationBytes">Space kept for it, 0 for none.</param>
/// <param name="SnapshotQuotaBytes">Bound on its snapshots' space, 0 for none.</param>
/// <param name="DestroyedPercent">Of its blocks, how far destruction has come.</param>
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
    long UsedBytes,
    long UsedBySnapshotsBytes,
    long StoredBytes,
    string Origin,
    int SnapshotCount,
    long ReservationBytes,
    long SnapshotQuotaBytes,
    int DestroyedPercent,
    IReadOnlyList<KeyValuePair<string, string>> Properties)
{
    /// <summary>Logical by stored bytes; 1 for an empty volume.</summary>
    public double CompressionRatio => StoredBytes == 0 ? 1 : (double)LogicalBytes / StoredBytes;
}
