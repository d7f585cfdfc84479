namespace Cstor.Engine.Statistics;

/// <summary>What a <see cref="Histogram"/> had counted at one moment, or between two.</summary>
/// <param name="Count">Numbers.</param>
/// <param name="Sum">Of all of them.</param>
/// <param name="Buckets">By bucket, up to the last that is not empty.</param>
public sealed record HistogramCounts(long Count, long Sum, long[] Buckets)
{
    public static readonly HistogramCounts None = new(0, 0, []);

    /// <summary>0 for none.</summary>
    public double Mean => Count == 0 ? 0 : (double)Sum / Count;

    /// <summary>
    /// What was counted since an earlier moment; all of it if counting began anew meanwhile.
    /// </summary>
    public HistogramCounts Since(HistogramCounts earlier)
    {
        if (earlier.Count > Count || earlier.Buckets.Length > Buckets.Length) return this;
        long[] buckets = [.. Buckets];
        for (int i = 0; i < earlier.Buckets.Length; i++)
        {
            if (earlier.Buckets[i] > buckets[i]) return this;
            buckets[i] -= earlier.Buckets[i];
        }

        return new HistogramCounts(Count - earlier.Count, Sum - earlier.Sum, buckets);
    }

    /// <summary>Both together.</summary>
    public HistogramCounts Plus(HistogramCounts other)
    {
        long[] buckets = new long[Math.Max(Buckets.Length, other.Buckets.Length)];
        for (int i = 0; i < Buckets.Length; i++) buckets[i] = Buckets[i];
        for (int i = 0; i < other.Buckets.Length; i++) buckets[i] += other.Buckets[i];
        return new HistogramCounts(Count + other.Count, Sum + other.Sum, buckets);
    }

    /// <summary>The number that a share of all are below; 0 for none.</summary>
    /// <param name="share">Above 0, at most 1: 0.99 for the 99th percentile.</param>
    public double Percentile(double share)
    {
        double wanted = share * Count;
        double seen = 0;
        for (int i = 0; i < Buckets.Length; i++)
        {
            if (Buckets[i] == 0) continue;
            if (seen + Buckets[i] < wanted)
            {
                seen += Buckets[i];
                continue;
            }

            long start = i == 0 ? 0 : Histogram.EndOf(i - 1);
            return start + ((Histogram.EndOf(i) - start) * (wanted - seen) / Buckets[i]);
        }

        return 0;
    }

    /// <summary>Numbers below a power of two, 512 or more.</summary>
    public long CountBelow(long powerOfTwo)
    {
        long count = 0;
        for (int i = 0; i < Buckets.Length && Histogram.EndOf(i) <= powerOfTwo; i++) count += Buckets[i];
        return count;
    }
}
