namespace Cstor.PoolLayout.Records;

/// <summary>What a scrub or resilver looks at, in this order.</summary>
public enum ScanStage : byte
{
    /// <summary>The space map's tree, by region.</summary>
    SpaceMap,

    /// <summary>The space log, all at once.</summary>
    SpaceLog,

    /// <summary>The dataset table, by slot.</summary>
    Datasets,

    /// <summary>The trees of the volumes, by slot and block.</summary>
    Volumes,

    /// <summary>Nothing is left.</summary>
    End,
}
