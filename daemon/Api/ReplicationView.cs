namespace Cstor.Daemon.Api;

/// <summary>How a replicated volume stands.</summary>
/// <param name="Leader">Node that serves it; empty while there is none.</param>
/// <param name="Epoch">Lease epoch.</param>
/// <param name="Witness">Node that votes without a replica, or empty.</param>
/// <param name="Source">Node that says so: the leader, or the one asked while the leader cannot be.</param>
/// <param name="Replicas">Where they are and how far.</param>
internal sealed record ReplicationView(
    string Leader, ulong Epoch, string Witness, string Source, ReplicaView[] Replicas);
