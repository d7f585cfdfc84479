namespace Cstor.Engine.Pools;

/// <summary>What <c>snapshot list</c> shows. Space is as of the last checkpoint.</summary>
/// <param name="Name">As <c>tank/db@monday</c>.</param>
/// <param name="Id">Identity, kept for life.</param>
/// <param name="Volume">As <c>tank/db</c>.</param>
/// <param name="CreatedAt">When.</param>
/// <param name="SizeBytes">Size of the volume at that time.</param>
/// <param name="ReferencedBytes">Space of all its blocks, shared ones too.</param>
/// <param name="UniqueBytes">What destroying it alone would give back, clones of it left aside; null if not
/// readable.</param>
/// <param name="LogicalBytes">Its blocks before compression.</param>
/// <param name="Holds">Tags that keep it.</param>
/// <param name="Clones">Volumes made of it.</param>
/// <param name="State"><c>online</c> or <c>destroying</c>.</param>
/// <param name="DestroyedPercent">Of the volume's blocks, how far destruction has come.</param>
public sealed record SnapshotStatus(
    string Name,
    Guid Id,
    string Volume,
    DateTimeOffset CreatedAt,
    long SizeBytes,
    long ReferencedBytes,
    long? UniqueBytes,
    long LogicalBytes,
    IReadOnlyList<string> Holds,
    IReadOnlyList<string> Clones,
    string State,
    int DestroyedPercent);
