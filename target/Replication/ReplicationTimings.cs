namespace Cstor.Target.Replication;

/// <summary>
/// How long peers wait for each other. The lease must be shorter than what voters wait before they promise
/// anew, by more than clocks may drift apart meanwhile.
/// </summary>
public sealed record ReplicationTimings
{
    private const long Millisecond = 1_000_000;

    /// <summary>A leader is heard this often.</summary>
    public long HeartbeatNanoseconds { get; init; } = 150 * Millisecond;

    /// <summary>A leader answers reads this long after a quorum has heard it.</summary>
    public long LeaseNanoseconds { get; init; } = 1500 * Millisecond;

    /// <summary>A voter that has heard a leader, or has just started, promises nothing for so long.</summary>
    public long QuietNanoseconds { get; init; } = 2000 * Millisecond;

    /// <summary>A replica that owes an answer so long is taken out of the in-sync set.</summary>
    public long AnswerNanoseconds { get; init; } = 700 * Millisecond;

    /// <summary>
    /// A request that finds nobody to lead is held so long before the initiator is told to ask again. Short
    /// of what initiators take to give up a path, so that none has an effect after that.
    /// </summary>
    public long HoldNanoseconds { get; init; } = 1000 * Millisecond;

    /// <summary>A replica that catches up may take so long for a step, most for its checkpoint.</summary>
    public long CatchUpNanoseconds { get; init; } = 10_000 * Millisecond;

    /// <summary>A leader that hands over holds new changes for so long at most.</summary>
    public long HandOverNanoseconds { get; init; } = 5000 * Millisecond;

    /// <summary>A leader that is being stopped tries for so long to hand over.</summary>
    public long ClosingNanoseconds { get; init; } = 1000 * Millisecond;

    /// <summary>
    /// A read of what is damaged on the leader waits so long for a replica that may have it, before it fails.
    /// </summary>
    public long DamageNanoseconds { get; init; } = 20_000 * Millisecond;

    /// <summary>A candidate waits so long for votes.</summary>
    public long VoteNanoseconds { get; init; } = 400 * Millisecond;

    /// <summary>A connection on which nothing came for so long is given up.</summary>
    public long SilenceNanoseconds { get; init; } = 3000 * Millisecond;

    /// <summary>Pause between attempts to reach a peer, at first; it grows to eight times that.</summary>
    public long RedialNanoseconds { get; init; } = 100 * Millisecond;
}
