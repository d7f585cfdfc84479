using System.Runtime.CompilerServices;
using Cstor.Engine.Blocks;
using Cstor.Engine.Host;
using Cstor.Engine.Space;
using Cstor.Engine.Trees;
using Cstor.PoolLayout;

namespace Cstor.Engine.Versions;

/// <summary>
/// Takes a version's tree apart, from its first block on, as far as a checkpoint has time for it. What is
/// left is a whole tree again, so the next checkpoint, or the next import, goes on with it.
/// </summary>
/// <remarks>
/// Free is what neither neighbour holds. The version before holds what was born in its time; the version
/// behind has it at the same place with the same pointer. So the walk goes down only where the two trees
/// differ in something of this version's own, and each node that it reads of this tree is one that it frees:
/// the work is in proportion to what comes back, whatever the size of the volume and the number of its
/// snapshots.
///
/// A node that cannot be read from any copy must not keep the dataset for ever: what lies below it stays
/// taken and is nobody's, which the whole-pool check reports. One on a device that does not answer now is
/// left to a later checkpoint.
/// </remarks>
internal sealed class TreeErasure(ILoop loop, TreeReader reader, MetadataWriter writer, SpaceLedger ledger)
{
    private const int NodesPerTurn = 4;
    private const long PauseNanoseconds = 50_000;
    private const int NodeShift = 14;

    private ulong _epoch;
    private ulong _floor;
    private int _turn;

    /// <summary>Nodes that may still be read.</summary>
    public int NodesLeft { get; set; }

    /// <summary>First failed write; the result is meaningless unless it is Ok.</summary>
    public IoStatus Status { get; private set; }

    /// <summary>Nodes that could not be read, whose blocks stay taken.</summary>
    public int LostNodes { get; private set; }

    /// <summary>Sectors given free, less those of nodes written anew.</summary>
    public long FreedSectors { get; private set; }

    /// <summary>The first block that was not dealt with; null when none is left.</summary>
    public ulong? StoppedAt { get; private set; }

    /// <summary>Erases as much as <see cref="NodesLeft"/> allows.</summary>
    /// <param name="tree">The version's.</param>
    /// <param name="next">Of the version behind it; empty if there is none.</param>
    /// <param name="floor">Last epoch of the version before it.</param>
    /// <param name="epoch">Birth of nodes written anew.</param>
    /// <returns>What is left.</returns>
    public async ValueTask<TreeRoot> EraseAsync(TreeRoot tree, TreeRoot next, ulong floor, ulong epoch)
    {
        Status = IoStatus.Ok;
        FreedSectors = 0;
        LostNodes = 0;
        StoppedAt = null;
        _floor = floor;
        _epoch = epoch;
        if (IsShared(tree.Pointer, default)) return tree with { Pointer = BlockPointer.Hole };
        IoBuffer node = loop.Buffers.Rent(Layout.NodeBytes);
        while (next.Height > tree.Height && !next.Pointer.IsHole)
        {
            IoStatus status = await reader.CopyNodeAsync(next.Pointer, node);
            if (status != IoStatus.Ok)
            {
                node.Release();
                return tree with { Pointer = GiveUp(status, tree.Pointer, 0) };
            }

            next = new TreeRoot(TreeReader.Entries(node)[0], next.Height - 1);
        }

        node.Release();
        if (tree.Height == next.Height && tree.Pointer == next.Pointer)
            return tree with { Pointer = BlockPointer.Hole };
        BlockPointer left = await EraseNodeAsync(tree.Height, tree.Pointer, next, 0);
        return tree with { Pointer = left };
    }

    private bool IsShared(in BlockPointer pointer, in BlockPointer next) =>
        pointer.IsHole || pointer.BirthEpoch <= _floor || pointer == next;

    // The other tree's node at this place has the same level, or it is lower and lies at the first child.
    [AsyncMethodBuilder(typeof(LoopMethodBuilder<>))]
    private async ValueTask<BlockPointer> EraseNodeAsync(
        int level, BlockPointer pointer, TreeRoot next, ulong first)
    {
        IoBuffer node = loop.Buffers.Rent(Layout.NodeBytes);
        IoBuffer other = loop.Buffers.Rent(Layout.NodeBytes);
        other.Span.Clear();
        IoStatus status = await reader.CopyNodeAsync(pointer, node);
        if (status == IoStatus.Ok && next.Height == level && !next.Pointer.IsHole)
            status = await reader.CopyNodeAsync(next.Pointer, other);
        NodesLeft--;
        await GiveWayAsync();
        BlockPointer left;
        if (status != IoStatus.Ok)
        {
            left = GiveUp(status, pointer, first);
        }
        else
        {
            if (level == 1) EraseBlocks(node, other);
            else await EraseChildrenAsync(level, node, other, next, first);
            left = Status == IoStatus.Ok ? Finish(pointer, node) : pointer;
        }

        other.Release();
        node.Release();
        return left;
    }

    // What is left of a node that cannot be compared.
    private BlockPointer GiveUp(IoStatus status, in BlockPointer pointer, ulong first)
    {
        if (status is IoStatus.ChecksumMismatch or IoStatus.DeviceError)
        {
            LostNodes++;
            Free(pointer);
            return BlockPointer.Hole;
        }

        StoppedAt = first;
        return pointer;
    }

    private void EraseBlocks(IoBuffer node, IoBuffer other)
    {
        Span<BlockPointer> blocks = TreeReader.Entries(node);
        Span<BlockPointer> next = TreeReader.Entries(other);
        for (int i = 0; i < blocks.Length; i++)
        {
            if (!IsShared(blocks[i], next[i])) Free(blocks[i]);
            blocks[i] = BlockPointer.Hole;
        }
    }

    private async ValueTask EraseChildrenAsync(
        int level, IoBuffer node, IoBuffer other, TreeRoot next, ulong first)
    {
        ulong span = TreeGeometry.ChildSpan(level);
        for (int i = 0; i < Layout.NodeFanout && Status == IoStatus.Ok; i++)
        {
            BlockPointer child = TreeReader.Entries(node)[i];
            TreeRoot beside = next.Height < level && i == 0
                ? next
                : new TreeRoot(TreeReader.Entries(other)[i], level - 1);
            BlockPointer left = BlockPointer.Hole;
            if (!IsShared(child, beside.Height == level - 1 ? beside.Pointer : default))
            {
                ulong childFirst = first + ((ulong)i * span);
                if (NodesLeft <= 0)
                {
                    StoppedAt = childFirst;
                    return;
                }

                left = await EraseNodeAsync(level - 1, child, beside, childFirst);
            }

            TreeReader.Entries(node)[i] = left;
            if (StoppedAt is not null) return;
        }
    }

    private BlockPointer Finish(in BlockPointer pointer, IoBuffer node)
    {
        Free(pointer);
        if (StoppedAt is null || !node.Span[..Layout.NodeBytes].ContainsAnyExcept((byte)0))
            return BlockPointer.Hole;
        if (writer.TryWrite(node, NodeShift, Layout.NodeBytes, _epoch, TreeUpdate.ContentHashOf(node),
            out BlockPointer left))
            FreedSectors -= left.AllocatedSectors;
        else Status = IoStatus.NoSpace;
        return left;
    }

    private void Free(in BlockPointer pointer)
    {
        ledger.FrozenFreed(pointer);
        FreedSectors += pointer.AllocatedSectors;
    }

    private async ValueTask GiveWayAsync()
    {
        await writer.ThrottleAsync();
        if (++_turn % NodesPerTurn == 0) await loop.DelayAsync(PauseNanoseconds);
    }
}
