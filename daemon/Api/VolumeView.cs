namespace Cstor.Daemon.Api;

/// <param name="Name"><c>tank/db</c>.</param>
/// <param name="Id">Identity, the source of the LUN's designators.</param>
/// <param name="SizeBytes">Size of the LUN.</param>
/// <param name="BlockSizeBytes">Fixed at creation.</param>
/// <param name="UsedBytes">Space on the vdevs that would come back with the volume and its snapshots.</param>
/// <param name="UsedBySnapshotsBytes">The part of it that only snapshots hold.</param>
/// <param name="ReferencedBytes">Space on the vdevs of what can be read now, shared or not.</param>
/// <param name="LogicalBytes">The same as the initiator wrote it: before compression and parity.</param>
/// <param name="CompressionRatio">What was written by what is stored of it; 1 for nothing saved.</param>
/// <param name="CreatedAt">When.</param>
/// <param name="State"><c>online</c> or <c>destroying</c>.</param>
/// <param name="Origin">The snapshot it is a clone of, <c>tank/db@monday</c>; or empty.</param>
/// <param name="Clones">Volumes made of its snapshots.</param>
/// <param name="SnapshotCount">Snapshots it has.</param>
/// <param name="Properties">Name and value, secrets never among them.</param>
/// <param name="Target">iSCSI name.</param>
/// <param name="Problem">Why it is not served, with what to do; or empty.</param>
/// <param name="Sessions">Initiators logged in.</param>
/// <param name="Replication">How its replicas stand; null for a volume of this node alone, and in lists.
/// </param>
internal sealed record VolumeView(
    string Name,
    Guid Id,
    long SizeBytes,
    int BlockSizeBytes,
    long UsedBytes,
    long UsedBySnapshotsBytes,
    long ReferencedBytes,
    long LogicalBytes,
    double CompressionRatio,
    DateTimeOffset CreatedAt,
    string State,
    string Origin,
    string[] Clones,
    int SnapshotCount,
    SortedDictionary<string, string> Properties,
    string Target,
    string Problem,
    int Sessions,
    ReplicationView? Replication = null);
