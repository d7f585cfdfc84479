namespace Cstor.Tests.Simulation.Oracle;

/// <summary>What must be true of one volume, its existence and size included.</summary>
internal sealed class VolumeModel(string name, BlockOracle oracle)
{
    public string Name { get; } = name;

    public BlockOracle Oracle { get; } = oracle;

    /// <summary>Its creation or destruction was begun and not acknowledged.</summary>
    public bool IsInDoubt { get; set; }

    /// <summary>The size of a resize that was begun and not acknowledged.</summary>
    public long? NewSizeBytes { get; set; }

    public VolumeModel Clone(OracleHistory history) => new(Name, Oracle.Clone(history))
    {
        IsInDoubt = IsInDoubt,
        NewSizeBytes = NewSizeBytes,
    };
}
