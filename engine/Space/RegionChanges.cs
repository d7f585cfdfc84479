using Cstor.PoolLayout.Records;

namespace Cstor.Engine.Space;

/// <summary>Changes of one region that its bitmap in the space map does not have yet, oldest first.</summary>
internal sealed class RegionChanges(ulong oldestCheckpoint)
{
    /// <summary>The space log must reach back to here.</summary>
    public ulong OldestCheckpoint { get; } = oldestCheckpoint;

    public List<SpaceLogEntry> Entries { get; } = [];
}
