using Cstor.PoolLayout;

namespace Cstor.Engine.Trees;

/// <summary>Where a tree begins: its root node's pointer and how many node levels there are.</summary>
internal readonly record struct TreeRoot(BlockPointer Pointer, int Height)
{
    /// <summary>A tree of holes.</summary>
    public static TreeRoot Empty => new(BlockPointer.Hole, 1);
}
