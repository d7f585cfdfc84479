namespace Cstor.Engine.Scrub;

/// <summary>Bytes per second over about the last ten seconds.</summary>
internal sealed class ScanRate
{
    private const long SampleNanoseconds = 1_000_000_000;
    private const int Samples = 11;

    private readonly (long Time, long Bytes)[] _ring = new (long, long)[Samples];
    private int _count;

    public void Restart() => _count = 0;

    /// <summary>Takes a sample if the last one is a second old.</summary>
    public void Observe(long nowNanoseconds, long bytes)
    {
        if (_count > 0 && nowNanoseconds - _ring[(_count - 1) % Samples].Time < SampleNanoseconds) return;
        _ring[_count++ % Samples] = (nowNanoseconds, bytes);
    }

    /// <summary>Zero while too little is known.</summary>
    public long BytesPerSecond(long nowNanoseconds, long bytes)
    {
        if (_count == 0) return 0;
        (long time, long before) = _ring[_count > Samples ? _count % Samples : 0];
        double seconds = (nowNanoseconds - time) / 1e9;
        return seconds < 0.1 ? 0 : (long)Math.Max(0, (bytes - before) / seconds);
    }
}
