using System.Numerics;

namespace Cstor.Engine.Statistics;

/// <summary>
/// How often a number was how large: four buckets to each power of two from 256 to 2^37, which is 137 s in
/// nanoseconds. A percentile is known to within a fifth, and powers of two are bounds of buckets exactly. To
/// add costs a few instructions and allocates nothing. Belongs to one loop.
/// </summary>
public sealed class Histogram
{
    /// <summary>Buckets; the last one takes whatever is larger.</summary>
    public const int BucketCount = ((LargestLog - 1) * PerOctave) + PerOctave;

    private const int PerOctave = 4;
    private const int UnitShift = 8;
    private const int LargestLog = 28;

    private readonly long[] _buckets = new long[BucketCount];

    public long Count { get; private set; }

    /// <summary>Of all numbers added.</summary>
    public long Sum { get; private set; }

    /// <param name="value">Not negative.</param>
    public void Add(long value) => Add(value, 1);

    /// <summary>Adds a number several times.</summary>
    public void Add(long value, int times)
    {
        Count += times;
        Sum += value * times;
        _buckets[IndexOf(value)] += times;
    }

    public HistogramCounts Take()
    {
        int used = BucketCount;
        while (used > 0 && _buckets[used - 1] == 0) used--;
        return new HistogramCounts(Count, Sum, _buckets[..used]);
    }

    /// <summary>The bucket that a number falls into.</summary>
    public static int IndexOf(long value)
    {
        long units = value >> UnitShift;
        if (units < PerOctave) return (int)Math.Max(0, units);
        int log = Math.Min(LargestLog, BitOperations.Log2((ulong)units));
        long part = Math.Min((units >> (log - 2)) - PerOctave, PerOctave - 1);
        return ((log - 1) * PerOctave) + (int)part;
    }

    /// <summary>The least number that is too large for a bucket.</summary>
    public static long EndOf(int index)
    {
        if (index < PerOctave) return (index + 1L) << UnitShift;
        int log = (index / PerOctave) + 1;
        return (PerOctave + (index % PerOctave) + 1L) << (log - 2 + UnitShift);
    }
}
