namespace Cstor.PoolLayout.Labels;

/// <summary>What a top-level vdev is for; anything but <see cref="Data"/> has a line in the label.</summary>
public enum VdevRole
{
    /// <summary>Blocks of every sort.</summary>
    Data = 0,

    /// <summary>The commit log alone.</summary>
    Log,

    /// <summary>Nothing yet: waits to stand in for a failed device.</summary>
    Spare,
}
