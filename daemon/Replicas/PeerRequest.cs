namespace Cstor.Daemon.Replicas;

/// <summary>What one node asks of another about a group of replicas.</summary>
/// <param name="Action">One of <see cref="PeerActions"/>.</param>
/// <param name="Group">Which group.</param>
/// <param name="Pool">Of a new replica: the pool of the node that is asked.</param>
/// <param name="Volume">Its name there; or of a snapshot.</param>
/// <param name="SizeBytes">Its size, or the one that it is to have.</param>
/// <param name="BlockSizeBytes">Its block size.</param>
/// <param name="Properties">Its properties.</param>
/// <param name="Record">What it is to know of its group.</param>
/// <param name="Node">Of a change: which node it is about.</param>
/// <param name="Force">Of a change: even if something is lost by it.</param>
internal sealed record PeerRequest(
    string Action,
    Guid Group,
    string Pool = "",
    string Volume = "",
    long SizeBytes = 0,
    int BlockSizeBytes = 0,
    Dictionary<string, string>? Properties = null,
    string Record = "",
    string Node = "",
    bool Force = false);
