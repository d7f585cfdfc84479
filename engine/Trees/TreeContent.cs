using System.Runtime.InteropServices;
using Cstor.Engine.Host;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Checksums;

namespace Cstor.Engine.Trees;

/// <summary>
/// The content hash of a volume's blocks, whatever its tree went through. A tree keeps its height when the
/// volume shrinks, and has yet to grow when the volume grew; so the hash is that of the tree with exactly
/// the levels that the size asks for.
/// </summary>
internal static class TreeContent
{
    public static async ValueTask<(IoStatus Status, Hash128 Hash)> HashAsync(
        ILoop loop, TreeReader reader, TreeRoot root, ulong blockCount)
    {
        int height = TreeGeometry.HeightFor(blockCount);
        BlockPointer pointer = root.Pointer;
        int level = root.Height;
        if (level > height && !pointer.IsHole)
        {
            IoBuffer? node = loop.Buffers.TryRent(Layout.NodeBytes);
            if (node is null) return (IoStatus.NoMemory, default);
            IoStatus status = IoStatus.Ok;
            for (; level > height && !pointer.IsHole && status == IoStatus.Ok; level--)
            {
                status = await reader.CopyNodeAsync(pointer, node);
                if (status == IoStatus.Ok) pointer = TreeReader.Entries(node)[0];
            }

            node.Release();
            if (status != IoStatus.Ok) return (status, default);
        }

        return (IoStatus.Ok, Lift(pointer.ContentHash, level, height));
    }

    /// <summary>The hash of a tree that lies, alone, some levels below.</summary>
    public static Hash128 Lift(Hash128 hash, int level, int height)
    {
        for (; level < height && hash != Hash128.Zero; level++) hash = OfOnlyChild(hash);
        return hash;
    }

    // Of a node with one child and nothing else.
    private static Hash128 OfOnlyChild(Hash128 child)
    {
        Span<Hash128> hashes = stackalloc Hash128[Layout.NodeFanout];
        hashes.Clear();
        hashes[0] = child;
        return Xxh128.Compute(MemoryMarshal.AsBytes(hashes));
    }
}
