using System.Runtime.CompilerServices;
using Cstor.Engine.Host;
using Cstor.Engine.Trees;
using Cstor.PoolLayout;

namespace Cstor.Engine.Versions;

/// <summary>
/// Walks two trees side by side, in ascending order of blocks, and shows where they differ. What has the
/// same pointer in both is not even read, so the work is in proportion to the difference.
/// </summary>
internal sealed class TreeDifference(ILoop loop, TreeReader reader)
{
    private const int NodesPerTurn = 16;

    private IDifferenceVisitor _visitor = null!;
    private ulong _from;
    private bool _isStopped;
    private int _turn;

    /// <summary>Anything but Ok: a node could not be read.</summary>
    public IoStatus Status { get; private set; }

    /// <summary>Walks both trees; neither may be changed or freed meanwhile.</summary>
    /// <param name="older">One tree.</param>
    /// <param name="newer">The other.</param>
    /// <param name="from">First block of interest.</param>
    /// <param name="visitor">Told of each difference.</param>
    public async ValueTask<IoStatus> WalkAsync(
        TreeRoot older, TreeRoot newer, ulong from, IDifferenceVisitor visitor)
    {
        Status = IoStatus.Ok;
        _visitor = visitor;
        _from = from;
        _isStopped = false;
        int height = Math.Max(older.Height, newer.Height);
        await WalkNodesAsync(height, older, newer, 0);
        return Status;
    }

    // A tree that is lower than this level lies below the first child.
    [AsyncMethodBuilder(typeof(LoopMethodBuilder<>))]
    private async ValueTask<bool> WalkNodesAsync(int level, TreeRoot older, TreeRoot newer, ulong first)
    {
        if (older.Height == newer.Height)
        {
            if (older.Pointer == newer.Pointer) return true;
            Descent descent = await _visitor.VisitAsync(level, first, older.Pointer, newer.Pointer);
            _isStopped |= descent == Descent.Stop;
            if (descent != Descent.Enter || level == 0) return !_isStopped;
        }

        IoBuffer left = loop.Buffers.Rent(Layout.NodeBytes);
        IoBuffer right = loop.Buffers.Rent(Layout.NodeBytes);
        Status = await ReadAsync(level, older, left);
        if (Status == IoStatus.Ok) Status = await ReadAsync(level, newer, right);
        if (++_turn % NodesPerTurn == 0) await loop.DelayAsync(0);
        ulong span = TreeGeometry.ChildSpan(level);
        for (int i = 0; i < Layout.NodeFanout && Status == IoStatus.Ok && !_isStopped; i++)
        {
            ulong childFirst = first + ((ulong)i * span);
            if (childFirst + span <= _from) continue;
            await WalkNodesAsync(level - 1, ChildOf(level, older, left, i), ChildOf(level, newer, right, i),
                childFirst);
        }

        right.Release();
        left.Release();
        return !_isStopped;
    }

    private async ValueTask<IoStatus> ReadAsync(int level, TreeRoot tree, IoBuffer into)
    {
        if (tree.Height == level && !tree.Pointer.IsHole)
            return await reader.CopyNodeAsync(tree.Pointer, into);
        into.Span.Clear();
        return IoStatus.Ok;
    }

    private static TreeRoot ChildOf(int level, TreeRoot tree, IoBuffer node, int index)
    {
        if (tree.Height == level) return new TreeRoot(TreeReader.Entries(node)[index], level - 1);
        return index == 0 ? tree : new TreeRoot(BlockPointer.Hole, level - 1);
    }
}
