using System.Globalization;
using Cstor.Engine.Caching;
using Cstor.PoolLayout.Units;

namespace Cstor.Daemon.Cli;

/// <summary>The read cache in words.</summary>
internal static class CacheText
{
    public static string[] Lines(CacheStatus cache)
    {
        string limit = cache.AllowedBytes < cache.LimitBytes && cache.GivenBackBytes > 0
            ? $"{ByteSize.Format(cache.AllowedBytes)} now, as memory is short; at most "
            : "at most ";
        return
        [
            $"{ByteSize.Format(cache.DataBytes)} of blocks, {ByteSize.Format(cache.NodeBytes)} of nodes; "
                + $"{limit}{ByteSize.Format(cache.LimitBytes)} for all pools",
            $"{Share(cache.DataHits, cache.DataMisses)} of blocks found there, "
                + $"{Share(cache.NodeHits, cache.NodeMisses)} of nodes",
        ];
    }

    private static string Share(long hits, long misses) => hits + misses == 0
        ? "none"
        : string.Create(CultureInfo.InvariantCulture, $"{100.0 * hits / (hits + misses):0.0} %");
}
