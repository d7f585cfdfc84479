namespace Cstor.Tests.Simulation.Replication;

/// <summary>A read or write of one register, as its client saw it.</summary>
internal sealed class ClusterOperation
{
    public int Register { get; init; }

    public bool IsWrite { get; init; }

    /// <summary>
    /// What was written, or what was read; no two writes have the same, and 0 is what was there first.
    /// </summary>
    public ulong Value { get; set; }

    public long InvokedNanoseconds { get; init; }

    /// <summary>When the answer was there; the largest number for one that never came.</summary>
    public long AnsweredNanoseconds { get; set; } = long.MaxValue;

    public override string ToString() =>
        $"{(IsWrite ? "write" : "read")} {Value} from {InvokedNanoseconds} to {AnsweredNanoseconds}";
}
