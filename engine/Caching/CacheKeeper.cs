using Cstor.Engine.Host;

namespace Cstor.Engine.Caching;

/// <summary>
/// Keeps a cache as large as the machine allows. Once a second it is allowed what it has, plus what is left
/// of memory, minus what others shall always find free: so it grows while there is plenty, gives back as much
/// as is lacking when there is not, and stands still where both meet. It is not awake before the cache has
/// outgrown its minimum.
/// </summary>
internal sealed class CacheKeeper
{
    private const long IntervalNanoseconds = 1_000_000_000;
    private const int ReserveShare = 16;
    private const long MaximumReserveBytes = 1L << 30;

    private readonly ILoop _loop;
    private readonly ReadCache _cache;
    private readonly ILoopTimer _timer;
    private bool _isRunning;

    public CacheKeeper(ILoop loop, ReadCache cache)
    {
        _loop = loop;
        _cache = cache;
        _timer = loop.CreateTimer(MeasureAsync);
    }

    /// <summary>The cache wants more than it may have.</summary>
    public void Start()
    {
        if (_isRunning) return;
        _isRunning = true;
        _timer.Start(0);
    }

    /// <summary>The cache is gone, for now.</summary>
    public void Stop()
    {
        _isRunning = false;
        _timer.Stop();
    }

    /// <summary>What others shall always find free, of so much memory.</summary>
    internal static long ReserveOf(long totalBytes) =>
        Math.Min(totalBytes / ReserveShare, MaximumReserveBytes);

    private async void MeasureAsync()
    {
        MemoryLevel level = await _loop.Memory.MeasureAsync();
        if (!_isRunning) return;
        long surplus = level.AvailableBytes - ReserveOf(level.TotalBytes);
        _cache.Allow(_cache.HeldBytes + surplus);
        _timer.Start(IntervalNanoseconds);
    }
}
