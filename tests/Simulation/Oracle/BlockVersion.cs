namespace Cstor.Tests.Simulation.Oracle;

/// <summary>
/// What one request made of one block: for each of its sectors the stamp of the write it comes from, 0 for
/// zeroes.
/// </summary>
internal sealed class BlockVersion(ulong[] stamps, long submittedAt)
{
    public ulong[] Stamps { get; } = stamps;

    public long SubmittedAt { get; } = submittedAt;

    /// <summary>When it was acknowledged; 0 while it was not.</summary>
    public long CompletedAt { get; set; }

    /// <summary>Acknowledged as durable by itself (FUA), or read after a crash.</summary>
    public bool IsDurable { get; set; }

    /// <summary>A copy for another history, as the two may go different ways from here.</summary>
    public BlockVersion Clone() =>
        new(Stamps, SubmittedAt) { CompletedAt = CompletedAt, IsDurable = IsDurable };

    public override string ToString() =>
        $"[{string.Join(' ', Stamps.Distinct())}] issued {SubmittedAt}, "
        + (CompletedAt == 0 ? "not acknowledged" : $"acknowledged {CompletedAt}");
}
