namespace Cstor.Daemon.Api;

/// <param name="Node">Which node the change is about.</param>
/// <param name="Pool">Of a new replica: the pool there; else empty.</param>
/// <param name="Force">Although sessions are dropped for a moment, or the node cannot be reached.</param>
/// <param name="DryRun">Say what would be done.</param>
internal sealed record ReplicaChangeRequest(string Node, string Pool, bool Force, bool DryRun);
