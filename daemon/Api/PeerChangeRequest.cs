namespace Cstor.Daemon.Api;

/// <param name="Name">Of the node.</param>
/// <param name="Address">Where it listens for peers, as ADDR:PORT; empty where it is to be removed.</param>
internal sealed record PeerChangeRequest(string Name, string Address);
