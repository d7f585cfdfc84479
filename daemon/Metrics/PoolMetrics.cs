using Cstor.Engine.Caching;
using Cstor.Engine.Pools;

namespace Cstor.Daemon.Metrics;

/// <summary>Health and space of pools.</summary>
internal static class PoolMetrics
{
    private static readonly string[] Healths = ["online", "degraded", "readonly", "stopped", "unavailable"];

    public static void Write(MetricsText text, PoolStatus[] pools)
    {
        text.Gauge("cstor_pool_health", "1 for the health that a pool has, 0 for the others.");
        foreach (PoolStatus pool in pools)
        {
            foreach (string health in Healths)
            {
                text.Add(pool.Health == health ? 1 : 0, ("pool", pool.Name), ("health", health));
            }
        }
        PoolStatus[] open = [.. pools.Where(pool => pool.SizeBytes > 0)];
        WriteSpace(text, open);
        WriteScans(text, open);
        WriteCache(text, open);
    }

    private static void WriteSpace(MetricsText text, PoolStatus[] open)
    {
        Gauge("size_bytes", "Allocatable space.", pool => pool.SizeBytes);
        Gauge("allocated_bytes", "Space in use.", pool => pool.AllocatedBytes);
        Gauge("free_bytes", "Space that every volume may still take.", pool => pool.FreeBytes);
        Gauge("reserved_bytes", "Free space that single volumes are sure of.", pool => pool.ReservedBytes);
        Gauge(
            "freeing_bytes",
            "The most that may come back of what was destroyed.",
            pool => pool.Data.FreeingBytes);
        Gauge("logical_bytes", "Blocks as they were written.", pool => pool.Data.LogicalBytes);
        Gauge("stored_bytes", "The same as they are stored.", pool => pool.Data.StoredBytes);
        Gauge("log_bytes", "Commit log that an import would replay.", pool => pool.LogBytes);
        Gauge(
            "damaged_copies",
            "Damaged copies found since import.",
            pool => pool.Damage.Sum(damage => damage.Count));
        Gauge(
            "unrepaired_copies",
            "Those of them that could not be repaired.",
            pool => pool.Damage.Sum(damage => damage.Count - damage.Repaired));
        text.Counter("cstor_pool_checkpoints_total", "Roots made durable since the pool was made.");
        foreach (PoolStatus pool in open) text.Add(pool.Checkpoint, ("pool", pool.Name));

        void Gauge(string name, string help, Func<PoolStatus, double> value)
        {
            text.Gauge("cstor_pool_" + name, help);
            foreach (PoolStatus pool in open) text.Add(value(pool), ("pool", pool.Name));
        }
    }

    private static void WriteScans(MetricsText text, PoolStatus[] open)
    {
        (string Pool, ScanStatus Scan)[] scans =
        [
            .. open.Where(pool => pool.Scan is not null).Select(pool => (pool.Name, pool.Scan!)),
        ];
        Gauge("running", "1 while a scrub or resilver runs.", scan => scan.State == "running" ? 1 : 0);
        Gauge(
            "progress_ratio",
            "How far the newest scrub or resilver is.",
            scan => scan.TotalBytes == 0 ? 1 : (double)scan.ExaminedBytes / scan.TotalBytes);
        Gauge(
            "start_timestamp_seconds",
            "When the newest one began.",
            scan => scan.StartedAt.ToUnixTimeSeconds());
        Gauge("repaired_blocks", "Blocks that it repaired.", scan => scan.RepairedBlocks);
        Gauge("lost_blocks", "Blocks that nothing gives back.", scan => scan.LostBlocks);

        void Gauge(string name, string help, Func<ScanStatus, double> value)
        {
            text.Gauge("cstor_pool_scan_" + name, help);
            foreach ((string pool, ScanStatus scan) in scans)
            {
                text.Add(value(scan), ("pool", pool), ("kind", scan.Kind));
            }
        }
    }

    private static void WriteCache(MetricsText text, PoolStatus[] open)
    {
        text.Gauge("cstor_pool_cache_bytes", "Blocks of the pool in memory.");
        Each((_, cache, add) =>
        {
            add(cache.NodeBytes, "nodes");
            add(cache.DataBytes, "data");
        });
        text.Counter("cstor_pool_cache_hits_total", "Look-ups answered from memory.");
        Each((_, cache, add) =>
        {
            add(cache.NodeHits, "nodes");
            add(cache.DataHits, "data");
        });
        text.Counter("cstor_pool_cache_misses_total", "Look-ups that were not.");
        Each((_, cache, add) =>
        {
            add(cache.NodeMisses, "nodes");
            add(cache.DataMisses, "data");
        });

        void Each(Action<PoolStatus, CacheStatus, Action<double, string>> write)
        {
            foreach (PoolStatus pool in open)
            {
                if (pool.Cache is not { } cache) continue;
                write(pool, cache, (value, kind) => text.Add(value, ("pool", pool.Name), ("kind", kind)));
            }
        }
    }
}
