using Cstor.Engine.Host;
using Cstor.Engine.Pools;
using Cstor.Engine.Versions;
using Cstor.Engine.Volumes;

namespace Cstor.Daemon.Service;

/// <summary>Finds by name what an administrator speaks of, or says what there is not. On the loop.</summary>
internal static class PoolLookup
{
    /// <returns>What could not be found, or null.</returns>
    public static Fault? FindVolume(
        this PoolRegistry registry, string pool, string volume, out Pool open, out Volume found)
    {
        Pool? pools = registry.Find(pool);
        Volume? volumes = pools?.FindVolume(volume);
        // Read only where nothing is lacking.
        open = pools!;
        found = volumes!;
        if (pools is null) return PoolTexts.NoSuchPool(pool);
        return volumes is null
            ? new Fault("no-such-volume", $"there is no volume '{pool}/{volume}'", "See: cstor volume list")
            : null;
    }

    /// <returns>What could not be found, or null.</returns>
    public static Fault? FindSnapshot(
        this PoolRegistry registry,
        string pool,
        string volume,
        string snapshot,
        out Pool open,
        out Snapshot found)
    {
        found = null!;
        if (registry.FindVolume(pool, volume, out open, out _) is { } fault) return fault;
        Snapshot? snapshots = open.FindSnapshot(volume, snapshot);
        found = snapshots!;
        return snapshots is null ? SnapshotTexts.NoSuchSnapshot(pool, volume, snapshot) : null;
    }

    /// <summary>The snapshots of a volume, the oldest first.</summary>
    public static Snapshot[] SnapshotsOf(this Pool pool, Volume volume) =>
        [.. pool.Snapshots.Where(snapshot => ReferenceEquals(snapshot.Owner, volume))];
}
