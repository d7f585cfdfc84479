using Cstor.Engine.Host;

namespace Cstor.Target.Replication;

/// <summary>A change that all replicas make, in the order of their leader's numbers.</summary>
internal sealed class Entry
{
    private readonly TaskCompletionSource<IoStatus> _done = new();

    public FrameKind Kind { get; init; }

    /// <summary>Number within the lease epoch; 0 for what a comparison sends.</summary>
    public ulong Index { get; init; }

    public long Offset { get; init; }

    public long Length { get; init; }

    /// <summary>Pairs a fill with its answer.</summary>
    public ulong Request { get; init; }

    public IoBuffer? Payload { get; init; }

    public int PayloadBytes { get; init; }

    public long IssuedNanoseconds { get; init; }

    /// <summary>Followers that have applied it, a bit each.</summary>
    public uint Acks { get; set; }

    /// <summary>The leader's own replica has it.</summary>
    public bool IsApplied { get; set; }

    /// <summary>Completes when it is acknowledged, or never will be.</summary>
    public Task<IoStatus> Done => _done.Task;

    public ReadOnlySpan<byte> PayloadSpan => Payload is null ? default : Payload.Span[..PayloadBytes];

    public bool Overlaps(long offset, long length) =>
        Kind == FrameKind.Snapshot
            || (Kind != FrameKind.Reservations && Offset < offset + length && offset < Offset + Length);

    public void End(IoStatus status) => _done.TrySetResult(status);
}
