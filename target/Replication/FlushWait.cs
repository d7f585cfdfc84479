using Cstor.Engine.Host;

namespace Cstor.Target.Replication;

/// <summary>A flush that waits until every replica that counts has made everything up to an entry durable.
/// </summary>
internal sealed class FlushWait(ulong through, long nowNanoseconds)
{
    private readonly TaskCompletionSource<IoStatus> _done = new();

    public ulong Through => through;

    public long IssuedNanoseconds => nowNanoseconds;

    /// <summary>Followers that have flushed, a bit each.</summary>
    public uint Acks { get; set; }

    /// <summary>When the leader's own replica had, or 0.</summary>
    public long FlushedNanoseconds { get; set; }

    /// <summary>The leader's own replica has.</summary>
    public bool IsFlushedHere => FlushedNanoseconds > 0;

    public Task<IoStatus> Done => _done.Task;

    public void End(IoStatus status) => _done.TrySetResult(status);
}
