// How hard a scan may drive the devices. While volumes are in use, one read of a scan is under way on each
// vdev, a short one, and after each the scan rests for a multiple of the time that it took: the busier or
// slower the device, the longer. So more than half of all instants are without it, and so the median latency
// of requests is about what it is without a scan; those that meet it wait for one short read. When no request
// has come for some milliseconds the scan takes what the devices give. Pure arithmetic.
using Cstor.Engine.Pools;

namespace Cstor.Engine.Scrub;

internal sealed class ScanPace(PoolOptions options)
{
    // A node that was in the cache cost the devices nothing.
    private const long FreeNanoseconds = 10_000;

    private const long MaximumRestNanoseconds = 200_000_000;

    private readonly long _idleAfter = options.ScanIdleAfter.Ticks * 100;
    private long _requests = -1;
    private long _lastRequest = long.MinValue / 2;

    /// <summary>Somebody else wants the devices.</summary>
    public bool IsYielding { get; private set; }

    /// <summary>Reads under way on a vdev at most.</summary>
    public int Window => IsYielding ? 1 : options.ScanWindow;

    /// <summary>Longest run to read at once.</summary>
    public int RunBytes => IsYielding ? options.ScanYieldRunBytes : options.ScanRunBytes;

    /// <summary>Takes note of the time and of how many requests volumes have had so far.</summary>
    public void Observe(long nowNanoseconds, long requests)
    {
        if (_requests >= 0 && requests != _requests) _lastRequest = nowNanoseconds;
        _requests = requests;
        IsYielding = nowNanoseconds - _lastRequest < _idleAfter;
    }

    /// <summary>How long to leave the devices alone after something that took so long.</summary>
    public long RestAfter(long spentNanoseconds) => !IsYielding || spentNanoseconds < FreeNanoseconds
        ? 0
        : Math.Min(spentNanoseconds * options.ScanYieldRest, MaximumRestNanoseconds);
}
