using Cstor.Engine.Host;

namespace Cstor.Tests.Bench.Writes;

/// <summary>
/// Random writes, a number of them under way at any time, on the loop they are called on. Counts what each
/// second brought and how long each request took; allocates nothing while it runs.
/// </summary>
/// <param name="loop">The loop.</param>
/// <param name="seed">Of the offsets and the data.</param>
internal sealed class Load(ILoop loop, ulong seed)
{
    private const int PatternBytes = 1 << 20;

    // Latencies in eighths of a power of two of nanoseconds: 9 % wide.
    private const int BucketsPerOctave = 8;

    private readonly long[] _buckets = new long[64 * BucketsPerOctave];
    private readonly long[] _perSecond = new long[3600];
    private ulong _state = seed | 1;
    private long _started;
    private long _ends;
    private long _left;

    /// <summary>Requests that ended.</summary>
    public long Count { get; private set; }

    public double Seconds { get; private set; }

    public double Rate => Count / Seconds;

    /// <summary>Managed bytes that the loop allocated meanwhile.</summary>
    public long AllocatedBytes { get; private set; }

    /// <summary>Requests that ended in each whole second.</summary>
    public ReadOnlySpan<long> PerSecond => _perSecond.AsSpan(0, (int)Seconds);

    /// <summary>Runs until a number of requests or of seconds is reached.</summary>
    /// <param name="write">One request: offset and data.</param>
    /// <param name="depth">Requests under way.</param>
    /// <param name="requestBytes">Length of each.</param>
    /// <param name="regionBytes">Offsets are below this.</param>
    /// <param name="count">Requests at most.</param>
    /// <param name="seconds">Time at most.</param>
    public async ValueTask<Load> RunAsync(Func<long, IoSlice, ValueTask<IoStatus>> write, int depth,
        int requestBytes, long regionBytes, long count, double seconds)
    {
        IoBuffer pattern = loop.Buffers.Rent(PatternBytes);
        for (int i = 0; i < PatternBytes; i += sizeof(ulong))
            BitConverter.TryWriteBytes(pattern.Span[i..], Next());
        _left = count;
        _started = loop.NowNanoseconds;
        _ends = _started + (long)(seconds * 1e9);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Task[] workers = new Task[depth];
        for (int i = 0; i < depth; i++) workers[i] = WorkAsync(write, pattern, requestBytes, regionBytes);
        foreach (Task worker in workers) await worker;
        AllocatedBytes = GC.GetAllocatedBytesForCurrentThread() - before;
        Seconds = (loop.NowNanoseconds - _started) / 1e9;
        pattern.Release();
        return this;
    }

    /// <summary>Time within which a part of the requests was answered, microseconds.</summary>
    public double Percentile(double part)
    {
        long rank = (long)Math.Ceiling(Count * part);
        int bucket = 0;
        for (long seen = _buckets[0]; seen < rank; seen += _buckets[bucket]) bucket++;
        return Math.Pow(2, (bucket + 0.5) / BucketsPerOctave) / 1000;
    }

    private async Task WorkAsync(Func<long, IoSlice, ValueTask<IoStatus>> write, IoBuffer pattern,
        int requestBytes, long regionBytes)
    {
        long now = loop.NowNanoseconds;
        while (_left > 0 && now < _ends)
        {
            _left--;
            ulong chance = Next();
            long offset = (long)(chance % (ulong)(regionBytes / requestBytes)) * requestBytes;
            int start = (int)((chance >> 40) % (ulong)((PatternBytes - requestBytes) / 4096)) * 4096;
            IoStatus status = await write(offset, pattern.Slice.Slice(start, requestBytes));
            if (status != IoStatus.Ok) throw new InvalidOperationException($"a write ended with {status}");
            long ended = loop.NowNanoseconds;
            _buckets[(int)(Math.Log2(Math.Max(1, ended - now)) * BucketsPerOctave)]++;
            _perSecond[(ended - _started) / 1_000_000_000]++;
            Count++;
            now = ended;
        }
    }

    // xorshift64*: the same offsets in every run.
    private ulong Next()
    {
        _state ^= _state >> 12;
        _state ^= _state << 25;
        _state ^= _state >> 27;
        return unchecked(_state * 0x2545F4914F6CDD1D);
    }
}
