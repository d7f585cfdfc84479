namespace Cstor.Daemon.Api;

/// <param name="Snapshot">Back to what it holds.</param>
/// <param name="DestroyNewer">Snapshots taken after it go; without, a volume that has some is
/// refused.</param>
/// <param name="Force">Also while initiators are logged in: their sessions are dropped.</param>
/// <param name="DryRun">Say what would happen.</param>
internal sealed record RollbackRequest(string Snapshot, bool DestroyNewer, bool Force, bool DryRun);
