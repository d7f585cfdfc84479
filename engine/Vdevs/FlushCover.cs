using Cstor.Engine.Host;

namespace Cstor.Engine.Vdevs;

/// <summary>Which writes of an open disk are covered by a flush that succeeded.</summary>
/// <remarks>
/// A write that completed before a flush started is durable once that flush has succeeded. At opening a flush
/// is always due: a process that was killed may have left writes in the disk's cache, which read back but are
/// not durable. After a failed flush nobody knows what the disk dropped, so it never again claims durability.
/// </remarks>
internal sealed class FlushCover
{
    private long _flushedWrites;
    private bool _isFailed;

    /// <summary>Writes that completed, for a flush that starts now.</summary>
    public long CompletedWrites { get; private set; } = 1;

    /// <summary>What a flush answers without asking the disk, or null.</summary>
    public IoStatus? Known => _isFailed ? IoStatus.DeviceError
        : _flushedWrites == CompletedWrites ? IoStatus.Ok : null;

    /// <summary>A request has ended.</summary>
    /// <param name="kind">What it was.</param>
    /// <param name="writesCovered">Of a flush: the writes that had completed when it started.</param>
    /// <param name="status">How it ended.</param>
    public void Note(DeviceRequestKind kind, long writesCovered, IoStatus status)
    {
        if (kind == DeviceRequestKind.Write) CompletedWrites++;
        if (kind != DeviceRequestKind.Flush) return;
        if (status == IoStatus.Ok) _flushedWrites = Math.Max(_flushedWrites, writesCovered);
        else _isFailed = true;
    }
}
