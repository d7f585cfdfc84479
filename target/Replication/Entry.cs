using Cstor.Engine.Host;

namespace Cstor.Target.Replication;

/// <summary>A change that all replicas make, in the order of their leader's numbers.</summary>
internal sealed class Entry
{
    private readonly WaitQueue _waiters = new();
    private IoStatus? _ended;

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

    /// <summary>Followers that have it, a bit each.</summary>
    public uint Acks { get; set; }

    /// <summary>This follower has told its leader that it has it, before it is applied.</summary>
    public bool IsReceipted { get; init; }

    /// <summary>When the leader's own replica had it, or 0.</summary>
    public long AppliedNanoseconds { get; set; }

    /// <summary>The leader's own replica has it.</summary>
    public bool IsApplied => AppliedNanoseconds > 0;

    /// <summary>It is acknowledged, or never will be.</summary>
    public bool IsEnded => _ended is not null;

    public ReadOnlySpan<byte> PayloadSpan => Payload is null ? default : Payload.Span[..PayloadBytes];

    public bool Overlaps(long offset, long length) => Kind switch
    {
        FrameKind.Snapshot or FrameKind.Resize => true,
        FrameKind.Reservations or FrameKind.Properties => false,
        _ => Offset < offset + length && offset < Offset + Length,
    };

    /// <summary>Completes when it is acknowledged, or never will be.</summary>
    public async ValueTask<IoStatus> WaitAsync()
    {
        if (_ended is null) await _waiters.WaitAsync();
        return _ended!.Value;
    }

    public void End(IoStatus status)
    {
        if (_ended is not null) return;
        _ended = status;
        _waiters.Release();
    }
}
