namespace Cstor.PoolLayout.Labels;

/// <summary>What the pool last knew of a vdev, as its label says.</summary>
public enum VdevState
{
    /// <summary>In use.</summary>
    Online = 0,

    /// <summary>Taken out by the operator.</summary>
    Offline,

    /// <summary>Taken out after it failed a write or flush that another copy took.</summary>
    Faulted,

    /// <summary>Was not there when the pool was last opened, or went away.</summary>
    Removed,
}
