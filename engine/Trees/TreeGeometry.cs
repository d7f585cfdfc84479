using Cstor.PoolLayout;

namespace Cstor.Engine.Trees;

/// <summary>Arithmetic of a block tree: which child of which node leads to a block.</summary>
internal static class TreeGeometry
{
    /// <summary>
    /// Blocks below one pointer of a node at <paramref name="level"/> (1 is a leaf, whose pointers name
    /// blocks).
    /// </summary>
    public static ulong ChildSpan(int level) => 1UL << ((level - 1) * Layout.NodeFanoutShift);

    /// <summary>Blocks below a node.</summary>
    public static ulong NodeSpan(int level) => 1UL << (level * Layout.NodeFanoutShift);

    /// <summary>Index of the pointer that leads to a block.</summary>
    public static int ChildIndex(int level, ulong block) =>
        (int)((block >> ((level - 1) * Layout.NodeFanoutShift)) & (Layout.NodeFanout - 1));

    /// <summary>Node levels that a tree of so many blocks needs, at least one.</summary>
    public static int HeightFor(ulong blockCount)
    {
        int height = 1;
        while (NodeSpan(height) < blockCount) height++;
        return height;
    }
}
