// Finds the blocks that the newest durable root leads to, in the order of the trees, from a position on, as
// many as one pass may hold. While it works the ledger is pinned, so everything it finds stays where it is
// until the pass has dealt with it. Between passes the trees change: what is at a lower index than the
// position was done, or was written since and is right everywhere; so the next pass simply goes on in the
// newer trees.
using System.Globalization;
using Cstor.Engine.Blocks;
using Cstor.Engine.Host;
using Cstor.Engine.Pools;
using Cstor.Engine.Trees;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Records;

namespace Cstor.Engine.Scrub;

internal sealed class ScanWalk(PoolCore pool, ScanBatch batch, ScanPace pace)
{
    // A pass that finds little ends all the same, so that freed space comes back.
    private const int MaximumNodes = 4096;

    private const int NodesPerTurn = 16;

    private IScanWork _work = null!;
    private Func<bool> _isInterrupted = static () => false;
    private ulong _minimumBirth;
    private ulong _from;
    private ulong _next;
    private int _nodes;
    private bool _isStopped;

    /// <summary>Fills the batch.</summary>
    /// <returns>Where the next pass begins; without meaning if interrupted.</returns>
    public async ValueTask<ScanPosition> GatherAsync(
        DurableRoots roots, ScanPosition from, IScanWork work, Func<bool> isInterrupted)
    {
        _work = work;
        _minimumBirth = work.MinimumBirth;
        _isInterrupted = isInterrupted;
        _nodes = 0;
        ScanPosition at = from;
        while (!at.IsEnd && !batch.IsFull && _nodes < MaximumNodes && !isInterrupted())
        {
            at = at.Stage switch
            {
                ScanStage.SpaceMap => await WalkTreeAsync(roots.SpaceMap, at, DamageKind.Space, "space map"),
                ScanStage.SpaceLog => await WalkSpaceLogAsync(roots, at),
                ScanStage.Datasets =>
                    await WalkTreeAsync(roots.Datasets, at, DamageKind.Node, "dataset table"),
                _ => await WalkVolumeAsync(roots, at),
            };
        }

        return at;
    }

    private async ValueTask<ScanPosition> WalkTreeAsync(
        TreeRoot tree, ScanPosition at, DamageKind kind, string name)
    {
        bool isDone = await WalkFromAsync(tree, at.Block, kind, name);
        return isDone ? at.NextStage() : at with { Block = _next };
    }

    private async ValueTask<ScanPosition> WalkVolumeAsync(DurableRoots roots, ScanPosition at)
    {
        // A turn with a block is not over; with 0, the next one's begins.
        ScanTurn? turn = at.Block > 0 ? at.Turn : ScanTurn.After(at.Turn, pool, _work.StartEpoch);
        if (turn is not { } its) return at.NextStage();
        ScanPosition done = new(at.Stage, its, 0);
        // Gone meanwhile, or too new for this root, whose volumes then have all that it holds.
        if (pool.Slots[(int)its.Slot] is not { } dataset || its.Slot >= roots.DatasetSlots) return done;
        (IoStatus status, BlockPointer pointer) = await pool.Trees.FindAsync(roots.Datasets, its.Slot);
        if (status == IoStatus.Ok && pointer.IsHole) return done;
        DatasetRecord record = default;
        if (status == IoStatus.Ok) (status, record) = await ReadRecordAsync(pointer);
        if (status != IoStatus.Ok)
        {
            string slot = its.Slot.ToString(CultureInfo.InvariantCulture);
            _work.OnUnreadable("dataset in slot " + slot, status);
            return done;
        }

        if (record.BirthEpoch != its.Birth) return done;
        TreeRoot tree = new(record.Root, record.Height);
        _minimumBirth = Math.Max(_work.MinimumBirth, ScanTurn.FloorOf(dataset, _work.StartEpoch) + 1);
        bool isDone = await WalkFromAsync(tree, at.Block, DamageKind.Data, record.Name);
        _minimumBirth = _work.MinimumBirth;
        ulong blocks = Math.Max(1, (ulong)record.BlockCount);
        ulong reached = isDone ? blocks : Math.Min(_next, blocks);
        if (_work.IsSelective && reached > at.Block)
        {
            double part = (reached - at.Block) / (double)blocks;
            _work.Counters.ExaminedBytes += (long)(part * dataset.OwnSectors * Layout.SectorBytes);
        }

        return isDone ? done : new ScanPosition(at.Stage, its, _next);
    }

    private async ValueTask<(IoStatus Status, DatasetRecord Record)> ReadRecordAsync(BlockPointer pointer)
    {
        IoBuffer? buffer = pool.Loop.Buffers.TryRent(DatasetRecord.Bytes);
        if (buffer is null) return (IoStatus.NoMemory, default);
        IoStatus status = await pool.Reader.ReadApartAsync(pointer, buffer.Slice, DamageKind.Node);
        DatasetRecord record = default;
        if (status == IoStatus.Ok && DatasetRecord.TryRead(buffer.Span, out record) is not null)
            status = IoStatus.ChecksumMismatch;
        buffer.Release();
        return (status, record);
    }

    // The chain is short, and each block of it names the one before: it is taken as a whole.
    private async ValueTask<ScanPosition> WalkSpaceLogAsync(DurableRoots roots, ScanPosition at)
    {
        IoBuffer buffer = pool.Loop.Buffers.Rent(1 << SpaceLogHeader.BlockShift);
        BlockPointer next = roots.SpaceLogHead;
        for (int i = 0; i < roots.SpaceLogBlocks; i++)
        {
            if (next.IsHole || next.BirthEpoch < _minimumBirth) break;
            Add(next, DamageKind.Space);
            IoStatus status = await pool.Reader.ReadApartAsync(next, buffer.Slice, DamageKind.Space);
            SpaceLogHeader header = default;
            if (status == IoStatus.Ok
                && SpaceLogHeader.TryRead(buffer.Span[..(int)next.PhysicalBytes], out header) is not null)
                status = IoStatus.ChecksumMismatch;
            if (status != IoStatus.Ok)
            {
                _work.OnUnreadable("space log", status);
                break;
            }

            next = header.Previous;
        }

        buffer.Release();
        return at.NextStage();
    }

    private async ValueTask<bool> WalkFromAsync(TreeRoot tree, ulong from, DamageKind kind, string name)
    {
        _from = from;
        _isStopped = false;
        if (!tree.Pointer.IsHole && tree.Pointer.BirthEpoch >= _minimumBirth)
            await WalkNodeAsync(tree.Pointer, tree.Height, 0, kind, name);
        return !_isStopped;
    }

    private async ValueTask WalkNodeAsync(
        BlockPointer node, int level, ulong first, DamageKind kind, string name)
    {
        // Nodes that begin before the position were dealt with by an earlier pass.
        if (first >= _from) Add(node, DamageKind.Node);
        IoBuffer buffer = pool.Loop.Buffers.Rent(Layout.NodeBytes);
        IoStatus status = await ReadNodeAsync(node, buffer);
        if (status != IoStatus.Ok) _work.OnUnreadable($"{name}: node of level {level} at {first}", status);
        ulong span = TreeGeometry.ChildSpan(level);
        int start = _from > first ? (int)((_from - first) / span) : 0;
        for (int i = start; i < Layout.NodeFanout && status == IoStatus.Ok && !_isStopped; i++)
        {
            BlockPointer child = TreeReader.Entries(buffer)[i];
            if (child.IsHole || child.BirthEpoch < _minimumBirth) continue;
            ulong childFirst = first + ((ulong)i * span);
            if (level == 1) Add(child, kind);
            else await WalkNodeAsync(child, level - 1, childFirst, kind, name);
            if (_isStopped || !(batch.IsFull || _nodes >= MaximumNodes || _isInterrupted())) continue;
            _next = childFirst + span;
            _isStopped = true;
        }

        buffer.Release();
    }

    private async ValueTask<IoStatus> ReadNodeAsync(BlockPointer node, IoBuffer buffer)
    {
        if (++_nodes % NodesPerTurn == 0) await pool.Loop.DelayAsync(0);
        long began = pool.Loop.NowNanoseconds;
        IoStatus status = await pool.Trees.CopyNodeAsync(node, buffer);
        pace.Observe(pool.Loop.NowNanoseconds, pool.ForegroundRequests);
        long rest = pace.RestAfter(pool.Loop.NowNanoseconds - began);
        if (rest > 0) await pool.Loop.DelayAsync(rest);
        return status;
    }

    private void Add(in BlockPointer pointer, DamageKind kind)
    {
        Add(pointer, pointer.Place0, kind);
        if (!pointer.Place1.IsNone) Add(pointer, pointer.Place1, kind);
    }

    private void Add(in BlockPointer pointer, BlockPlace place, DamageKind kind)
    {
        if (_work.IsWanted(place, pointer)) batch.Add(new ScanItem(place, pointer, kind));
    }
}
