namespace Cstor.Engine.Trees;

/// <summary>
/// What of a tree the version before it holds too: blocks and nodes born in a certain epoch or earlier.
/// While that version is being destroyed, the part that is erased already answers for nothing; there it is
/// the version before that one which counts.
/// </summary>
/// <param name="Epoch">Last epoch of the version before, 0 if there is none.</param>
/// <param name="ErasedBlocks">Blocks that are erased of it, from the first on.</param>
/// <param name="EpochBelow">Last epoch of the version before that one.</param>
internal readonly record struct TreeFloor(ulong Epoch, ulong ErasedBlocks, ulong EpochBelow)
{
    /// <summary>Nothing is shared.</summary>
    public static TreeFloor None => default;

    /// <summary>Last epoch that is shared at a place of the tree.</summary>
    /// <param name="block">The block, or the first one below a node.</param>
    public ulong At(ulong block) => block < ErasedBlocks ? EpochBelow : Epoch;
}
