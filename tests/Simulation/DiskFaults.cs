namespace Cstor.Tests.Simulation;

/// <summary>The faults of one disk: by probability for each request, by script, or for good.</summary>
public sealed class DiskFaults
{
    public double ReadError { get; set; }

    public double WriteError { get; set; }

    public double FlushError { get; set; }

    public double LostWrite { get; set; }

    public double MisdirectedWrite { get; set; }

    public double IgnoredFlush { get; set; }

    /// <summary>For each read: one bit of what is read has flipped.</summary>
    public double Rot { get; set; }

    public double Stall { get; set; }

    /// <summary>
    /// How long a stalled request takes; <see cref="long.MaxValue"/>: it is never answered.
    /// </summary>
    public long StallNanoseconds { get; set; } = long.MaxValue;

    /// <summary>Multiplies every latency.</summary>
    public int SlowFactor { get; set; } = 1;

    /// <summary>Everything, requests under way included, fails with DeviceGone.</summary>
    public bool IsDead { get; set; }

    /// <summary>Asked first; null leaves the request to chance.</summary>
    public Func<DiskRequest, DiskFault?>? Script { get; set; }

    /// <summary>Ends all faults; what they did to the content stays.</summary>
    public void Clear()
    {
        ReadError = WriteError = FlushError = LostWrite = MisdirectedWrite = IgnoredFlush = Rot = Stall = 0;
        StallNanoseconds = long.MaxValue;
        SlowFactor = 1;
        IsDead = false;
        Script = null;
    }

    internal DiskFault Decide(DiskRequest request, SimulatedRandom random)
    {
        if (Script?.Invoke(request) is { } scripted) return scripted;
        if (random.Chance(Stall)) return DiskFault.Stall;
        switch (request.Kind)
        {
            case DiskRequestKind.Read:
                if (random.Chance(ReadError)) return DiskFault.Error;
                return random.Chance(Rot) ? DiskFault.Rot : DiskFault.None;
            case DiskRequestKind.Write:
                if (random.Chance(WriteError)) return DiskFault.Error;
                if (random.Chance(LostWrite)) return DiskFault.Lost;
                return random.Chance(MisdirectedWrite) ? DiskFault.Misdirected : DiskFault.None;
            case DiskRequestKind.Flush:
                if (random.Chance(FlushError)) return DiskFault.Error;
                return random.Chance(IgnoredFlush) ? DiskFault.Ignored : DiskFault.None;
            default:
                return DiskFault.None;
        }
    }
}
