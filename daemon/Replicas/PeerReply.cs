using Cstor.Daemon.Api;

namespace Cstor.Daemon.Replicas;

/// <summary>A node's answer to a <see cref="PeerRequest"/>.</summary>
/// <param name="Problem">Why it was refused, or null.</param>
/// <param name="Replication">How the group stands, if that was asked.</param>
/// <param name="Hash">Of a snapshot's contents, if that was asked; or empty.</param>
internal sealed record PeerReply(
    Problem? Problem = null, ReplicationView? Replication = null, string Hash = "");
