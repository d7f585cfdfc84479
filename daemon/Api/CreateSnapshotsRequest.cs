namespace Cstor.Daemon.Api;

/// <summary>Snapshots of several volumes at one instant: all of them or none.</summary>
/// <param name="Pool">The pool of all volumes.</param>
/// <param name="Volumes">Names within the pool.</param>
/// <param name="Snapshot">The name each of the snapshots gets.</param>
/// <param name="DryRun">Check, take none.</param>
internal sealed record CreateSnapshotsRequest(string Pool, string[] Volumes, string Snapshot, bool DryRun);
