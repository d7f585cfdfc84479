using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Cstor.Engine.Blocks;
using Cstor.Engine.Caching;
using Cstor.Engine.Host;
using Cstor.PoolLayout;

namespace Cstor.Engine.Trees;

/// <summary>
/// Finds a block's pointer in a tree. With all nodes on the way in the cache that is a few look-ups without
/// any await; a missing node is named, and <see cref="LoadAsync"/> brings it.
/// </summary>
internal sealed class TreeReader(ILoop loop, BlockReader reader, MetadataWriter writer, CacheShare cache)
{
    /// <summary>Looks a block up among cached nodes.</summary>
    /// <param name="root">The tree.</param>
    /// <param name="block">Index of the block; beyond the tree's reach it is a hole.</param>
    /// <param name="pointer">The block's pointer, or that of the node to be loaded first.</param>
    /// <returns>True when <paramref name="pointer"/> is the block's.</returns>
    public bool TryFind(in TreeRoot root, ulong block, out BlockPointer pointer)
    {
        pointer = root.Pointer;
        if (block >= TreeGeometry.NodeSpan(root.Height))
        {
            pointer = BlockPointer.Hole;
            return true;
        }

        for (int level = root.Height; level > 0; level--)
        {
            if (pointer.IsHole) return true;
            BlockPointer node = pointer;
            if (cache.TryFindChild(node, TreeGeometry.ChildIndex(level, block), out pointer)) continue;
            pointer = node;
            return false;
        }

        return true;
    }

    /// <summary>How many blocks from one on are holes for want of a node above them.</summary>
    /// <param name="root">The tree.</param>
    /// <param name="block">A block whose pointer was found just now, without an await since.</param>
    /// <returns>0 if its leaf node is there.</returns>
    public ulong CountUnreached(in TreeRoot root, ulong block)
    {
        if (block >= TreeGeometry.NodeSpan(root.Height)) return ulong.MaxValue - block;
        BlockPointer pointer = root.Pointer;
        for (int level = root.Height; level > 0; level--)
        {
            if (pointer.IsHole) return TreeGeometry.NodeSpan(level) - (block % TreeGeometry.NodeSpan(level));
            if (!cache.TryFindChild(pointer, TreeGeometry.ChildIndex(level, block), out BlockPointer child))
                return 0;
            pointer = child;
        }

        return 0;
    }

    /// <summary>Reads a node into the cache.</summary>
    /// <param name="node">Its pointer.</param>
    /// <param name="isPassing">It need not stay longer than others need its room.</param>
    [AsyncMethodBuilder(typeof(LoopMethodBuilder<>))]
    public async ValueTask<IoStatus> LoadAsync(BlockPointer node, bool isPassing = false)
    {
        if (writer.FindUnwritten(node) is { } unwritten)
        {
            cache.InsertNode(node, unwritten.Span[..node.LogicalBytes], isPassing);
            return IoStatus.Ok;
        }

        IoBuffer? buffer = loop.Buffers.TryRent(node.LogicalBytes);
        if (buffer is null) return IoStatus.NoMemory;
        IoStatus status = await reader.ReadAsync(node, buffer.First(node.LogicalBytes), DamageKind.Node);
        if (status == IoStatus.DeviceTimeout)
        {
            buffer.Release();
            buffer = loop.Buffers.TryRent(node.LogicalBytes);
            if (buffer is null) return IoStatus.NoMemory;
            status = await reader.ReadApartAsync(node, buffer.First(node.LogicalBytes), DamageKind.Node);
        }

        if (status == IoStatus.Ok) cache.InsertNode(node, buffer.Span[..node.LogicalBytes], isPassing);
        buffer.Release();
        return status;
    }

    /// <summary>Finds a block's pointer, loading what is missing.</summary>
    public async ValueTask<(IoStatus Status, BlockPointer Pointer)> FindAsync(TreeRoot root, ulong block)
    {
        BlockPointer pointer;
        while (!TryFind(root, block, out pointer))
        {
            IoStatus status = await LoadAsync(pointer);
            if (status != IoStatus.Ok) return (status, default);
        }

        return (IoStatus.Ok, pointer);
    }

    /// <summary>Reads a node into a buffer of the caller's own.</summary>
    [AsyncMethodBuilder(typeof(LoopMethodBuilder<>))]
    public async ValueTask<IoStatus> CopyNodeAsync(BlockPointer node, IoBuffer into)
    {
        if (cache.TryReadNode(node, into.Span[..node.LogicalBytes])) return IoStatus.Ok;
        if (writer.FindUnwritten(node) is not { } unwritten)
            return await reader.ReadApartAsync(node, into.First(node.LogicalBytes), DamageKind.Node);
        unwritten.Span[..node.LogicalBytes].CopyTo(into.Span);
        return IoStatus.Ok;
    }

    /// <summary>The pointers of a node.</summary>
    public static Span<BlockPointer> Entries(IoBuffer node) =>
        MemoryMarshal.Cast<byte, BlockPointer>(node.Span[..Layout.NodeBytes]);
}
