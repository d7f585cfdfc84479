using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Cstor.Engine.Blocks;
using Cstor.Engine.Host;
using Cstor.Engine.Space;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Checksums;

namespace Cstor.Engine.Trees;

/// <summary>
/// Brings a batch of new pointers into a tree, bottom up, in ascending order of blocks: each touched node
/// is copied, changed and written once, and what it replaces is freed in the ledger, unless the version
/// before holds it too. The old tree stays whole and readable beside the new one until the checkpoint's
/// uberblock is durable.
/// </summary>
internal sealed class TreeUpdate(
    ILoop loop, TreeReader reader, MetadataWriter writer, SpaceLedger ledger)
{
    // Nodes handled before the foreground gets its turn.
    private const int CalmNodes = 1;
    private const int HurriedNodes = 8;
    private const int NodeShift = 14;
    private const long PauseNanoseconds = 50_000;

    private readonly LeafReads _ahead = new(loop, reader);
    private PendingMap _changes = null!;
    private SortedBlocks _blocks = null!;

    // Blocks before this one have their leaves read, or on the way.
    private int _aheadEnd;
    private TreeFloor _floor;
    private ulong _epoch;
    private int _nodesThisTurn;

    /// <summary>First failure; the result is meaningless unless it is Ok.</summary>
    public IoStatus Status { get; private set; }

    /// <summary>Change in sectors occupied, all copies, nodes included.</summary>
    public long AllocatedSectors { get; private set; }

    /// <summary>Sectors that the tree holds no more and the version before does.</summary>
    public long DroppedSectors { get; private set; }

    /// <summary>Change in sectors of blocks, one copy, without parity.</summary>
    public long StoredSectors { get; private set; }

    /// <summary>Change in blocks that are not holes.</summary>
    public long MappedBlocks { get; private set; }

    /// <summary>Applies all changes of a map and begins to count anew.</summary>
    /// <param name="root">The tree as it is.</param>
    /// <param name="changes">Not modified meanwhile.</param>
    /// <param name="height">Levels that the result has at least.</param>
    /// <param name="epoch">Birth of new nodes.</param>
    /// <param name="floor">What of the tree the version before holds too.</param>
    public async ValueTask<TreeRoot> ApplyAsync(
        TreeRoot root, PendingMap changes, int height, ulong epoch, TreeFloor floor)
    {
        Status = IoStatus.Ok;
        AllocatedSectors = DroppedSectors = MappedBlocks = StoredSectors = 0;
        _epoch = epoch;
        _floor = floor;
        _changes = changes;
        using SortedBlocks sorted = new(changes);
        await loop.OffloadAsync(sorted);
        _blocks = sorted;
        // Blocks may lie beyond the end of a volume that was made smaller since they were written.
        if (sorted.Count > 0) height = Math.Max(height, TreeGeometry.HeightFor(sorted[sorted.Count - 1] + 1));
        while (root.Height < height) root = AddLevel(root);
        BlockPointer pointer = await ApplyNodeAsync(root.Height, root.Pointer, 0, 0, sorted.Count);
        _blocks = null!;
        return new TreeRoot(pointer, root.Height);
    }

    // The old root becomes the first child of a new one.
    private TreeRoot AddLevel(TreeRoot root)
    {
        if (root.Pointer.IsHole) return root with { Height = root.Height + 1 };
        IoBuffer node = loop.Buffers.Rent(Layout.NodeBytes);
        node.Span.Clear();
        TreeReader.Entries(node)[0] = root.Pointer;
        BlockPointer pointer = Write(node);
        node.Release();
        return new TreeRoot(pointer, root.Height + 1);
    }

    // Changes [low, high) lie below this node, which begins at block 'first'.
    [AsyncMethodBuilder(typeof(LoopMethodBuilder<>))]
    private async ValueTask<BlockPointer> ApplyNodeAsync(int level, BlockPointer old, ulong first, int low,
        int high)
    {
        if (Status != IoStatus.Ok) return old;
        if (!_ahead.TryTake(old, out IoBuffer node, out ValueTask<IoStatus> read))
        {
            node = loop.Buffers.Rent(Layout.NodeBytes);
            if (old.IsHole) node.Span.Clear();
            else read = reader.CopyNodeAsync(old, node);
        }

        if (await read is var status and not IoStatus.Ok) return Fail(status, node);

        bool changed = level == 1
            ? ApplyToLeaf(TreeReader.Entries(node), first, low, high)
            : await ApplyToChildrenAsync(level, node, first, low, high);
        BlockPointer result = old;
        if (changed && Status == IoStatus.Ok)
        {
            if (!old.IsHole) Free(old, first);
            result = node.Span[..Layout.NodeBytes].ContainsAnyExcept((byte)0)
                ? Write(node)
                : BlockPointer.Hole;
        }

        node.Release();
        await GiveWayAsync();
        return result;
    }

    [AsyncMethodBuilder(typeof(LoopMethodBuilder<>))]
    private async ValueTask<bool> ApplyToChildrenAsync(int level, IoBuffer node, ulong first, int low,
        int high)
    {
        bool changed = false;
        ulong span = TreeGeometry.ChildSpan(level);
        _aheadEnd = low;
        for (int child = 0; child < Layout.NodeFanout && Status == IoStatus.Ok; child++)
        {
            if (level == 2) ReadAhead(node, first, high);
            ulong childFirst = first + ((ulong)child * span);
            BlockRange range = new(childFirst, span);
            int end = UpperBound(low, high, range.End);
            BlockPointer old = TreeReader.Entries(node)[child];
            Coverage unmapped = old.IsHole ? Coverage.None : UnmappedWithin(range);
            BlockPointer result = old;
            if (end == low && unmapped == Coverage.Whole)
            {
                await FreeSubtreeAsync(level - 1, old, childFirst);
                result = BlockPointer.Hole;
            }
            else if (end > low || unmapped != Coverage.None)
            {
                result = await ApplyNodeAsync(level - 1, old, childFirst, low, end);
            }

            low = end;
            if (result == old) continue;
            TreeReader.Entries(node)[child] = result;
            changed = true;
        }

        if (Status != IoStatus.Ok) await _ahead.DrainAsync();
        return changed;
    }

    // Of a node above leaves, which begins at block 'first' and has changes up to 'high'.
    private void ReadAhead(IoBuffer node, ulong first, int high)
    {
        int reads = writer.Pace.ReadsAhead;
        while (_aheadEnd < high && _ahead.Count < reads)
        {
            int child = (int)((_blocks[_aheadEnd] - first) / Layout.NodeFanout);
            BlockPointer leaf = TreeReader.Entries(node)[child];
            if (!leaf.IsHole) _ahead.Add(leaf);
            _aheadEnd = UpperBound(_aheadEnd, high, first + ((ulong)(child + 1) * Layout.NodeFanout));
        }
    }

    private bool ApplyToLeaf(Span<BlockPointer> entries, ulong first, int low, int high)
    {
        bool changed = false;
        for (int at = _changes.FirstEndingAfter(first); at < _changes.Unmapped.Count; at++)
        {
            BlockRange range = _changes.Unmapped[at];
            if (range.First >= first + Layout.NodeFanout) break;
            ulong from = Math.Max(range.First, first);
            ulong end = Math.Min(range.End, first + Layout.NodeFanout);
            for (ulong block = from; block < end; block++)
            {
                ref BlockPointer entry = ref entries[(int)(block - first)];
                if (entry.IsHole) continue;
                Replace(ref entry, BlockPointer.Hole, block);
                changed = true;
            }
        }

        writer.Pace.Advance(high - low);
        for (int i = low; i < high; i++)
        {
            bool known = _changes.TryGet(_blocks[i], out BlockPointer pointer);
            Check.That(known);
            ref BlockPointer entry = ref entries[(int)(_blocks[i] - first)];
            if (entry == pointer) continue;
            Replace(ref entry, pointer, _blocks[i]);
            changed = true;
        }

        return changed;
    }

    private void Replace(ref BlockPointer entry, in BlockPointer pointer, ulong block)
    {
        if (!entry.IsHole) FreeBlock(entry, block);

        if (!pointer.IsHole)
        {
            AllocatedSectors += pointer.AllocatedSectors;
            StoredSectors += pointer.PhysicalSectors;
            MappedBlocks++;
        }

        entry = pointer;
    }

    private async ValueTask FreeSubtreeAsync(int level, BlockPointer pointer, ulong first)
    {
        if (pointer.IsHole || Status != IoStatus.Ok) return;
        if (level == 0)
        {
            FreeBlock(pointer, first);
            return;
        }

        IoBuffer node = loop.Buffers.Rent(Layout.NodeBytes);
        IoStatus status = await reader.CopyNodeAsync(pointer, node);
        if (status != IoStatus.Ok) Status = status;
        ulong span = TreeGeometry.ChildSpan(level);
        for (int child = 0; child < Layout.NodeFanout && Status == IoStatus.Ok; child++)
            await FreeSubtreeAsync(
                level - 1, TreeReader.Entries(node)[child], first + ((ulong)child * span));
        node.Release();
        await GiveWayAsync();
        Free(pointer, first);
    }

    private BlockPointer Write(IoBuffer node)
    {
        if (!writer.TryWrite(node, NodeShift, Layout.NodeBytes, _epoch, ContentHashOf(node),
            out BlockPointer pointer))
            Status = IoStatus.NoSpace;
        else AllocatedSectors += pointer.AllocatedSectors;
        return pointer;
    }

    private void FreeBlock(in BlockPointer pointer, ulong block)
    {
        Free(pointer, block);
        StoredSectors -= pointer.PhysicalSectors;
        MappedBlocks--;
    }

    private void Free(in BlockPointer pointer, ulong first)
    {
        AllocatedSectors -= pointer.AllocatedSectors;
        if (pointer.BirthEpoch > _floor.At(first)) ledger.FrozenFreed(pointer);
        else DroppedSectors += pointer.AllocatedSectors;
    }

    private BlockPointer Fail(IoStatus status, IoBuffer node)
    {
        Status = status;
        node.Release();
        return BlockPointer.Hole;
    }

    [AsyncMethodBuilder(typeof(LoopVoidMethodBuilder))]
    private async ValueTask GiveWayAsync()
    {
        await writer.ThrottleAsync();
        while (writer.Pace.IsAhead(loop.NowNanoseconds))
            await loop.DelayAsync(CheckpointPace.RestNanoseconds);
        if (++_nodesThisTurn < (writer.Pace.IsHurried ? HurriedNodes : CalmNodes)) return;
        _nodesThisTurn = 0;
        await loop.DelayAsync(PauseNanoseconds);
    }

    private Coverage UnmappedWithin(BlockRange range)
    {
        int at = _changes.FirstEndingAfter(range.First);
        if (at == _changes.Unmapped.Count || !_changes.Unmapped[at].Overlaps(range)) return Coverage.None;
        BlockRange unmapped = _changes.Unmapped[at];
        return unmapped.First <= range.First && unmapped.End >= range.End ? Coverage.Whole : Coverage.Part;
    }

    private int UpperBound(int low, int high, ulong end)
    {
        while (low < high)
        {
            int middle = (low + high) >> 1;
            if (_blocks[middle] < end) low = middle + 1;
            else high = middle;
        }

        return low;
    }

    /// <summary>The content hash of a node: that of its children's.</summary>
    public static Hash128 ContentHashOf(IoBuffer node)
    {
        Span<Hash128> hashes = stackalloc Hash128[Layout.NodeFanout];
        Span<BlockPointer> entries = TreeReader.Entries(node);
        for (int i = 0; i < entries.Length; i++) hashes[i] = entries[i].ContentHash;
        return Xxh128.Compute(MemoryMarshal.AsBytes(hashes));
    }

    private enum Coverage
    {
        None,
        Part,
        Whole,
    }
}
