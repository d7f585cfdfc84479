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

    /// <summary>What a conditional write expected; null for any other write.</summary>
    public ulong? Expected { get; init; }

    /// <summary>A conditional write was told that something else was there.</summary>
    public bool IsMismatch { get; set; }

    /// <summary>A conditional write was told that nothing was done.</summary>
    public bool IsRefused { get; set; }

    public long InvokedNanoseconds { get; init; }

    /// <summary>When the answer was there; the largest number for one that never came.</summary>
    public long AnsweredNanoseconds { get; set; } = long.MaxValue;

    public bool IsAnswered => AnsweredNanoseconds != long.MaxValue;

    public override string ToString() =>
        $"{(IsWrite ? "write" : "read")} {Value}{(Expected is { } value ? $" over {value} " : "")} from "
            + $"{InvokedNanoseconds} to {AnsweredNanoseconds}"
            + (IsMismatch ? ", mismatch" : IsRefused ? ", refused" : "");
}
