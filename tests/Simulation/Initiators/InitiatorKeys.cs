namespace Cstor.Tests.Simulation.Initiators;

/// <summary>What an initiator proposes at login; drawn from the seed.</summary>
internal sealed record InitiatorKeys
{
    public bool HeaderDigest { get; init; }

    public bool DataDigest { get; init; }

    public bool InitialR2T { get; init; }

    public bool ImmediateData { get; init; } = true;

    public int MaxRecvBytes { get; init; } = 262_144;

    public int FirstBurstBytes { get; init; } = 65_536;

    public int MaxBurstBytes { get; init; } = 262_144;

    public static InitiatorKeys Draw(SimulatedRandom random)
    {
        int maxBurst = 8192 << random.Below(6);
        return new InitiatorKeys
        {
            HeaderDigest = random.Coin(),
            DataDigest = random.Coin(),
            InitialR2T = random.Coin(),
            ImmediateData = random.Coin(),
            MaxRecvBytes = 4096 << random.Below(7),
            MaxBurstBytes = maxBurst,
            FirstBurstBytes = Math.Min(maxBurst, 4096 << random.Below(6)),
        };
    }

    /// <summary>As login text.</summary>
    public IEnumerable<string> Text() =>
    [
        "HeaderDigest=" + (HeaderDigest ? "CRC32C" : "None"),
        "DataDigest=" + (DataDigest ? "CRC32C" : "None"),
        "InitialR2T=" + (InitialR2T ? "Yes" : "No"),
        "ImmediateData=" + (ImmediateData ? "Yes" : "No"),
        $"MaxRecvDataSegmentLength={MaxRecvBytes}",
        $"FirstBurstLength={FirstBurstBytes}",
        $"MaxBurstLength={MaxBurstBytes}",
        "MaxOutstandingR2T=1",
        "MaxConnections=1",
        "ErrorRecoveryLevel=0",
        "DefaultTime2Wait=0",
        "DefaultTime2Retain=0",
    ];
}
