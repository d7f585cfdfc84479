using Cstor.Engine.Statistics;
using Xunit;

namespace Cstor.Tests.Statistics;

public sealed class HistogramTests
{
    [Fact]
    public void Every_number_falls_into_the_bucket_whose_bounds_enclose_it()
    {
        Random random = new(1);
        for (int i = 0; i < 100_000; i++)
        {
            long value = random.NextInt64() >> random.Next(26, 63);
            int index = Histogram.IndexOf(value);
            Assert.InRange(index, 0, Histogram.BucketCount - 1);
            if (index < Histogram.BucketCount - 1) Assert.True(value < Histogram.EndOf(index), $"{value}");
            if (index > 0) Assert.True(value >= Histogram.EndOf(index - 1), $"{value}");
        }
    }

    [Fact]
    public void Bounds_grow_by_a_quarter_of_an_octave_and_hit_every_power_of_two()
    {
        long[] ends = [.. Enumerable.Range(0, Histogram.BucketCount).Select(Histogram.EndOf)];
        Assert.Equal(ends.Order().Distinct(), ends);
        for (int log = 9; log <= 37; log++) Assert.Contains(1L << log, ends);
        Assert.All(
            ends.Skip(4).Zip(ends.Skip(5)),
            pair => Assert.InRange(pair.Second, pair.First, (pair.First * 5 / 4) + 1));
        Assert.Equal(Histogram.BucketCount - 1, Histogram.IndexOf(long.MaxValue));
    }

    [Fact]
    public void A_percentile_is_within_a_fifth_of_the_exact_one()
    {
        Random random = new(2);
        Histogram histogram = new();
        long[] values = [.. Enumerable.Range(0, 20_000)
            .Select(_ => (long)Math.Exp(8 + (random.NextDouble() * 12)))];
        foreach (long value in values) histogram.Add(value);
        Array.Sort(values);
        HistogramCounts counts = histogram.Take();
        Assert.Equal((values.Length, values.Sum()), ((int)counts.Count, counts.Sum));
        foreach (double share in (double[])[0.01, 0.5, 0.9, 0.99, 0.999])
        {
            long exact = values[(int)(share * values.Length) - 1];
            Assert.InRange(counts.Percentile(share), exact * 0.8, exact * 1.25);
        }

        foreach (int log in (int[])[12, 17, 22])
        {
            Assert.Equal(values.Count(value => value < 1L << log), counts.CountBelow(1L << log));
        }
    }

    [Fact]
    public void What_was_counted_since_a_moment_is_the_difference_and_after_a_new_start_all_of_it()
    {
        Histogram histogram = new();
        histogram.Add(1000);
        HistogramCounts before = histogram.Take();
        histogram.Add(5000);
        histogram.Add(1000);
        HistogramCounts since = histogram.Take().Since(before);
        Assert.Equal((2, 6000), (since.Count, since.Sum));
        Assert.Equal(2, since.Buckets.Sum());
        Assert.Equal((3, 7000), (since.Plus(before).Count, since.Plus(before).Sum));
        Histogram anew = new();
        anew.Add(64);
        Assert.Equal(64, anew.Take().Since(histogram.Take()).Sum);
        Assert.Equal(0, HistogramCounts.None.Percentile(0.99));
    }

    [Fact]
    public void A_number_added_several_times_at_once_is_as_if_added_one_by_one()
    {
        Histogram together = new(), apart = new();
        together.Add(5000, 3);
        together.Add(7);
        foreach (long value in new[] { 5000L, 7, 5000, 5000 }) apart.Add(value);
        Assert.Equal((apart.Count, apart.Sum), (together.Count, together.Sum));
        Assert.Equal(apart.Take().Buckets, together.Take().Buckets);
    }
}
