namespace Cstor.Target.Iscsi;

/// <summary>
/// What login agreed on; starts with the defaults of RFC 7143 §13, which hold for keys that nobody
/// mentioned.
/// </summary>
internal sealed class SessionParameters
{
    public bool HeaderDigest { get; set; }

    public bool DataDigest { get; set; }

    /// <summary>Longest data segment the initiator takes.</summary>
    public int InitiatorMaxDataBytes { get; set; } = 8192;

    /// <summary>Longest data segment we take; what we declare.</summary>
    public int TargetMaxDataBytes { get; set; } = 8192;

    public int MaxBurstBytes { get; set; } = 262144;

    public int FirstBurstBytes { get; set; } = 65536;

    public bool InitialR2T { get; set; } = true;

    public bool ImmediateData { get; set; } = true;

    public int MaxOutstandingR2T { get; set; } = 1;

    public int DefaultTime2Wait { get; set; } = 2;

    public int DefaultTime2Retain { get; set; }

    /// <summary>1 for RFC 7143, 2 for what RFC 7144 adds.</summary>
    public int ProtocolLevel { get; set; } = 1;

    /// <summary>QUERY TASK, QUERY TASK SET and I_T NEXUS RESET may be asked for.</summary>
    public bool AllowsQueries => ProtocolLevel >= 2;
}
