namespace Cstor.Tests.Simulation;

/// <summary>A write or discard on its way: the sectors it changes, captured when it was submitted.</summary>
internal sealed class DiskWrite(long sequence, List<DiskSector> sectors)
{
    /// <summary>Order of submission.</summary>
    public long Sequence { get; } = sequence;

    /// <summary>Arrays are never changed once here: stores and images share them.</summary>
    public List<DiskSector> Sectors { get; } = sectors;

    /// <summary>Order of completion, from 1; 0 while under way.</summary>
    public long CompletedAt { get; set; }

    /// <summary>Whether readers see it.</summary>
    public bool IsApplied { get; set; }
}
