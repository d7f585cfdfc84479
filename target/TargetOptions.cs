namespace Cstor.Target;

/// <summary>Bounds and choices of a <see cref="TargetServer"/>; the defaults are measured best.</summary>
public sealed record TargetOptions
{
    /// <summary>Longest data segment we take (MaxRecvDataSegmentLength), bytes, 512 to 1 MiB.</summary>
    public int MaxRecvDataSegmentLength { get; init; } = 262144;

    /// <summary>Unsolicited data per command, bytes.</summary>
    public int FirstBurstLength { get; init; } = 262144;

    /// <summary>Data per R2T and per Data-In sequence, bytes.</summary>
    public int MaxBurstLength { get; init; } = 1024 * 1024;

    /// <summary>R2Ts of one command under way at once.</summary>
    public int MaxOutstandingR2T { get; init; } = 8;

    /// <summary>True asks initiators to wait for an R2T before any unsolicited Data-Out.</summary>
    public bool RequireInitialR2T { get; init; }

    /// <summary>Header and data digests are used where the initiator prefers them.</summary>
    public bool AllowDigests { get; init; } = true;

    /// <summary>Commands of one session under way at once, 1 to 1024.</summary>
    public int CommandWindow { get; init; } = 128;

    /// <summary>Payload memory of all sessions together, bytes.</summary>
    public long BufferLimitBytes { get; init; } = 128L * 1024 * 1024;

    /// <summary>Connections open at once, those that have not logged in included.</summary>
    public int MaxConnections { get; init; } = 4096;

    /// <summary>A connection must be logged in by then, milliseconds.</summary>
    public int LoginTimeoutMs { get; init; } = 15_000;

    /// <summary>A session silent for so long is asked for a sign of life (NOP-In), milliseconds.</summary>
    public int NopIntervalMs { get; init; } = 15_000;

    /// <summary>
    /// And is closed when none comes for so long, milliseconds. Also bounds a send without progress.
    /// </summary>
    public int NopTimeoutMs { get; init; } = 15_000;

    /// <summary>
    /// After a failed CHAP the answer waits so long, milliseconds; with each further failure from the same
    /// address twice as long, up to eight times. All proofs from that address wait in one line.
    /// </summary>
    public int FailedLoginDelayMs { get; init; } = 1_000;

    /// <summary>
    /// An initiator whose target goes away is asked to log out, and dropped when it has not by then,
    /// milliseconds.
    /// </summary>
    public int LogoutGraceMs { get; init; } = 2_000;

    /// <summary>Discovery sessions at once; more are refused for want of resources.</summary>
    public int MaxDiscoverySessions { get; init; } = 256;

    /// <summary>Logical block size offered to initiators: 512 or 4096.</summary>
    public int LogicalBlockBytes { get; init; } = 512;

    /// <summary>CHAP for discovery sessions, or null for none.</summary>
    public ChapSettings? DiscoveryChap { get; init; }
}
