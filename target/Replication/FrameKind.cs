namespace Cstor.Target.Replication;

/// <summary>
/// What a frame between two peers says. Kinds up to <see cref="Ping"/> belong to the connection.
/// </summary>
internal enum FrameKind : byte
{
    /// <summary>Either side's name and challenge; not sealed yet.</summary>
    Hello = 1,

    /// <summary>Proof of the shared key, over both challenges.</summary>
    Proof = 2,

    /// <summary>Nothing, to show that the peer is there.</summary>
    Ping = 3,

    /// <summary>Would you promise this epoch? Changes nothing.</summary>
    Canvass = 10,

    /// <summary>Promise this epoch: take nothing from older leaders.</summary>
    Promise = 11,

    /// <summary>Answer to either, with the voter's record.</summary>
    Vote = 12,

    /// <summary>I am the leader of this epoch.</summary>
    Lead = 20,

    /// <summary>Answer: follows, and how far it has come.</summary>
    Joined = 21,

    /// <summary>The epoch is older than one that was promised.</summary>
    Refused = 22,

    Heartbeat = 23,

    HeartbeatAnswer = 24,

    /// <summary>Record this configuration.</summary>
    Configure = 25,

    Configured = 26,

    /// <summary>The replica has caught up: it counts for all that was acknowledged.</summary>
    Admit = 27,

    Write = 31,

    Unmap = 32,

    Snapshot = 33,

    /// <summary>An entry is there, applied or about to be; or could not be applied.</summary>
    Applied = 34,

    Flush = 35,

    Flushed = 36,

    /// <summary>Entries follow; make ready to be compared.</summary>
    Compare = 40,

    Compared = 41,

    /// <summary>What are the hashes below this node?</summary>
    Hashes = 42,

    HashesAnswer = 43,

    /// <summary>These bytes are so, as of all entries sent before.</summary>
    Fill = 44,

    Filled = 45,

    /// <summary>Whatever differed was sent.</summary>
    CompareEnd = 46,

    CompareEnded = 47,

    /// <summary>What is in this range once all entries sent before have taken effect?</summary>
    Fetch = 50,

    Fetched = 51,

    /// <summary>This leader has ended its term, with this entry: the follower takes over at once.</summary>
    HandOver = 52,

    /// <summary>What you hold is how this epoch begins: nothing need be compared.</summary>
    Continue = 53,

    /// <summary>The follower is being stopped: do not wait for it.</summary>
    Leave = 54,

    /// <summary>You belong to the group no more, by the configuration in the payload.</summary>
    Removed = 55,

    /// <summary>This block is damaged here, and parts of it wait for the rest: fill it.</summary>
    Mend = 56,

    /// <summary>Which snapshots are there?</summary>
    Snapshots = 57,

    /// <summary>Answer: their identities.</summary>
    SnapshotsAnswer = 58,

    /// <summary>What initiators have reserved from here on, and whom that concerns.</summary>
    Reservations = 59,

    /// <summary>Text for the node itself, of no group.</summary>
    NodeQuestion = 60,

    NodeAnswer = 61,

    /// <summary>What an initiator asks of a node that does not lead: a <see cref="RelayKind"/>.</summary>
    Relay = 62,

    Relayed = 63,

    /// <summary>The volume has another size from here on.</summary>
    Resize = 64,

    /// <summary>What was made equal is this snapshot: take it.</summary>
    TakeSnapshot = 65,

    /// <summary>Answer.</summary>
    SnapshotTaken = 66,

    /// <summary>The properties of the volume from here on, all of those that all replicas share.</summary>
    Properties = 67,
}
