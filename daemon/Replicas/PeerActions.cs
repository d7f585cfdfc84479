namespace Cstor.Daemon.Replicas;

/// <summary>What a <see cref="PeerRequest"/> can ask for.</summary>
internal static class PeerActions
{
    /// <summary>Make an empty replica, and take part.</summary>
    public const string Make = "make";

    /// <summary>Destroy a replica, or forget being the witness.</summary>
    public const string Drop = "drop";

    /// <summary>Vote, without a replica.</summary>
    public const string Witness = "witness";

    /// <summary>How the group stands; of the node that leads.</summary>
    public const string Status = "status";

    /// <summary>Take a snapshot on all replicas; of the node that leads.</summary>
    public const string Snapshot = "snapshot";

    /// <summary>What is the hash of a snapshot's contents?</summary>
    public const string Hash = "hash";

    /// <summary>Destroy a snapshot of this node's replica.</summary>
    public const string DestroySnapshot = "destroy-snapshot";

    /// <summary>Compare a replica block by block and mend it; of the node that leads.</summary>
    public const string Compare = "compare";

    /// <summary>Take a replica in; of the node that leads.</summary>
    public const string Add = "add";

    /// <summary>Leave a replica out; of the node that leads.</summary>
    public const string Remove = "remove";

    /// <summary>Would the size fit this node's replica?</summary>
    public const string CheckSize = "check-size";

    /// <summary>Give the volume another size on all replicas; of the node that leads.</summary>
    public const string Resize = "resize";

    /// <summary>Would the properties fit this node's replica?</summary>
    public const string CheckProperties = "check-properties";

    /// <summary>Set properties of the volume on all replicas; of the node that leads.</summary>
    public const string Set = "set";

    /// <summary>Take a witness in, or the one that there is out; of the node that leads.</summary>
    public const string SetWitness = "set-witness";

    /// <summary>Have another node lead; of the node that leads.</summary>
    public const string Lead = "lead";
}
