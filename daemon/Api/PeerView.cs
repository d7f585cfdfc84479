namespace Cstor.Daemon.Api;

/// <summary>A node and its connection.</summary>
/// <param name="Name">Of the node.</param>
/// <param name="Address">Where it listens for peers.</param>
/// <param name="State"><c>this node</c>, <c>connected</c> or <c>not connected</c>.</param>
/// <param name="Detail">Why not, as far as is known; or empty.</param>
internal sealed record PeerView(string Name, string Address, string State, string Detail);
