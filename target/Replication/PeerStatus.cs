using System.Net;

namespace Cstor.Target.Replication;

/// <summary>A peer as its node knows it.</summary>
/// <param name="Name">Of the node.</param>
/// <param name="EndPoint">Where it listens for peers.</param>
/// <param name="IsConnected">Frames go either way.</param>
/// <param name="Reason">Why it is not connected, as far as is known; or empty.</param>
public sealed record PeerStatus(string Name, IPEndPoint EndPoint, bool IsConnected, string Reason);
