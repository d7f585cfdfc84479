namespace Cstor.Target.Replication;

/// <summary>How a replica is, as the leader sees it.</summary>
public enum ReplicaState
{
    /// <summary>Only the leader knows.</summary>
    Unknown,

    /// <summary>It holds all that was acknowledged.</summary>
    InSync,

    /// <summary>It is sent the entries that it missed.</summary>
    Replaying,

    /// <summary>It is compared, and sent what differs.</summary>
    Comparing,

    /// <summary>It has been asked to follow, or is about to be counted.</summary>
    Waiting,

    /// <summary>There is no connection to it.</summary>
    Unreachable,

    /// <summary>It failed or was too slow, and is tried again soon.</summary>
    Dropped,
}
