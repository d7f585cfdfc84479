// Which devices hold everything, and whether the labels know it. A device that failed a write which another
// copy took lacks that write, so it is taken out of use at once, in memory. After a restart it must not be
// read as good: checksums would catch a stale block, but not a log that ends early. Therefore no flush is
// acknowledged before the labels of the devices that are left say who was taken out (see
// PoolDevices.FlushAsync): whatever was acknowledged as durable on fewer devices is durable together with the
// names of those that lack it. Writes that no flush acknowledged may be lost in any case.
using Cstor.PoolLayout.Labels;
using Microsoft.Extensions.Logging;

namespace Cstor.Engine.Vdevs;

internal sealed partial class Membership(ILogger log, string pool)
{
    private long _changes;
    private long _saved;

    /// <summary>
    /// Oldest epoch in which a block written from now on can be born; what an excluded device misses begins
    /// here.
    /// </summary>
    public ulong Epoch { get; set; } = 1;

    /// <summary>Called after a device was taken out.</summary>
    public Action Excluded { get; set; } = static () => { };

    /// <summary>The labels on disk say something else than memory.</summary>
    public bool IsUnsaved => _changes != _saved;

    /// <summary>
    /// To be given to <see cref="OnSaved"/> when labels with the present content are durable.
    /// </summary>
    public long Version => _changes;

    /// <summary>Something that labels tell has changed.</summary>
    public void Touch() => _changes++;

    public void OnSaved(long version) => _saved = Math.Max(_saved, version);

    /// <summary>Takes a current device out of use.</summary>
    public void Exclude(PoolDevice device, VdevState state, string reason)
    {
        if (!device.IsWritable) return;
        device.Exclude(state, Epoch);
        Touch();
        LogExcluded(log, pool, device.Path, reason, device.MissingFrom);
        Excluded();
    }

    /// <summary>Records that a device which is not there was up to date until now.</summary>
    public void ExcludeAbsent(PoolDevice device)
    {
        if (device.IsPresent || device.State != VdevState.Online || device.MissingFrom != 0) return;
        device.Exclude(VdevState.Removed, Epoch);
        Touch();
    }

    [LoggerMessage(
        Level = LogLevel.Error,
        Message = "pool {Pool}: {Path}: taken out of use: {Reason}; misses blocks from epoch {Epoch} on")]
    private static partial void LogExcluded(
        ILogger log, string pool, string path, string reason, ulong epoch);
}
