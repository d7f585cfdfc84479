namespace Cstor.Daemon.State;

/// <summary>A node that this one replicates with.</summary>
/// <param name="Name">Of the node.</param>
/// <param name="Address">Where it listens for peers, as ADDR:PORT.</param>
internal sealed record KnownPeer(string Name, string Address);

/// <summary>The file <c>peers.json</c>.</summary>
/// <param name="Version">Of the file's form; a higher one is refused.</param>
/// <param name="Peers">In no order.</param>
internal sealed record KnownPeersFile(int Version, KnownPeer[] Peers);
