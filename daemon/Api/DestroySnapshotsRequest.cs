namespace Cstor.Daemon.Api;

/// <param name="Snapshots">Names, and runs <c>first%last</c> of which either end may be left out.</param>
/// <param name="DryRun">Say what would go and how much would come back.</param>
internal sealed record DestroySnapshotsRequest(string[] Snapshots, bool DryRun);
