namespace Cstor.Engine.Trees;

/// <summary>A tree and what it takes.</summary>
/// <param name="Root">Where it begins.</param>
/// <param name="AllocatedSectors">Of all its nodes and blocks, all copies, parity included.</param>
/// <param name="MappedBlocks">Blocks that are not holes.</param>
/// <param name="StoredSectors">Of the blocks' stored bytes: one copy, without parity, without nodes.</param>
internal readonly record struct TreeState(
    TreeRoot Root, long AllocatedSectors, long MappedBlocks, long StoredSectors)
{
    public static TreeState Empty => new(TreeRoot.Empty, 0, 0, 0);
}
