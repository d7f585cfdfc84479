namespace Cstor.PoolLayout.Records;

/// <summary>What a slot of the dataset table holds.</summary>
public enum DatasetState : byte
{
    /// <summary>Nothing; never written, as a free slot of the table is a hole.</summary>
    Free = 0,

    /// <summary>A volume.</summary>
    Volume = 1,

    /// <summary>A destroyed volume whose blocks are still being freed.</summary>
    Destroying = 2,

    /// <summary>A snapshot of a volume.</summary>
    Snapshot = 3,

    /// <summary>A destroyed snapshot whose blocks are still being freed.</summary>
    DestroyingSnapshot = 4,
}
