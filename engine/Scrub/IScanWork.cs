using Cstor.PoolLayout;

namespace Cstor.Engine.Scrub;

/// <summary>What a scan does with the blocks that its walk finds.</summary>
internal interface IScanWork
{
    /// <summary>What was done since the last pass was entered.</summary>
    ref ScanCounters Counters { get; }

    /// <summary>Subtrees born before this hold nothing of interest.</summary>
    ulong MinimumBirth { get; }

    /// <summary>Snapshots up to this epoch existed when the scan began.</summary>
    ulong StartEpoch { get; set; }

    /// <summary>
    /// Progress follows from how far the walk is in each volume, since it does not see every block.
    /// </summary>
    bool IsSelective { get; }

    /// <summary>Whether a place of a block is to be looked at.</summary>
    bool IsWanted(BlockPlace place, in BlockPointer pointer);

    /// <summary>A node or record that cannot be read: what lies below it is out of reach.</summary>
    void OnUnreadable(string what, Host.IoStatus status);

    /// <summary>Deals with blocks that adjoin each other on one vdev.</summary>
    ValueTask ProcessAsync(ReadOnlyMemory<ScanItem> run);
}
