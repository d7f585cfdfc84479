namespace Cstor.Engine.Vdevs;

/// <summary>
/// How long a device takes for one kind of request: a mean in which a sample counts for one part in
/// <see cref="MeanSamples"/>, and a maximum that fades over some <see cref="PeakSamples"/>, which stands
/// for the 99th percentile. Two multiplications per request.
/// </summary>
internal sealed class DeviceLatency
{
    /// <summary>Samples in the mean, and below which nothing is judged.</summary>
    public const int MeanSamples = 64;

    /// <summary>Samples over which the maximum fades to a third.</summary>
    public const int PeakSamples = 1024;

    // A slow device is given few reads, so each of those counts for more, or it would never be cleared.
    private const double MeanWeight = 1.0 / MeanSamples;
    private const double ProbeWeight = 1.0 / 16;
    private const double PeakFade = 1.0 - (1.0 / PeakSamples);

    /// <summary>Requests measured.</summary>
    public long Count { get; private set; }

    public double MeanNanoseconds { get; private set; }

    public double PeakNanoseconds { get; private set; }

    /// <summary>Enough was measured to judge by.</summary>
    public bool IsKnown => Count >= MeanSamples;

    /// <param name="nanoseconds">Service time of a request.</param>
    /// <param name="isProbe">The device counts as slow and gets a request now and then.</param>
    public void Add(long nanoseconds, bool isProbe = false)
    {
        Count++;
        // The first samples are averaged evenly: they have no mean to be measured against.
        double weight = IsKnown ? (isProbe ? ProbeWeight : MeanWeight) : 1.0 / Count;
        MeanNanoseconds += (nanoseconds - MeanNanoseconds) * weight;
        PeakNanoseconds = Math.Max(nanoseconds, PeakNanoseconds * PeakFade);
    }
}
