using Cstor.Engine.Trees;
using Cstor.PoolLayout;

namespace Cstor.Engine.Pools;

/// <summary>What an uberblock that is durable leads to, but for the commit log.</summary>
/// <param name="Datasets">The dataset table.</param>
/// <param name="DatasetSlots">Slots ever used in it.</param>
/// <param name="SpaceMap">The tree of bitmaps.</param>
/// <param name="SpaceLogHead">Newest block of the space log.</param>
/// <param name="SpaceLogBlocks">Blocks of it that count.</param>
internal sealed record DurableRoots(
    TreeRoot Datasets, ulong DatasetSlots, TreeRoot SpaceMap, BlockPointer SpaceLogHead, int SpaceLogBlocks)
{
    public static DurableRoots None { get; } =
        new(TreeRoot.Empty, 0, TreeRoot.Empty, BlockPointer.Hole, 0);
}
