// Every version is walked beside the one before it. Where both have the same pointer, it was verified there;
// where they differ, what this version has must be its own by its birth, is claimed for it alone, and what
// the other one has there was dropped. So each block of each tree is read once, and the accounts of every
// version must come out exactly.
using System.Runtime.InteropServices;
using Cstor.Engine.Trees;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Records;

namespace Cstor.Engine.Checking;

/// <summary>Verifies the trees and the accounting of all volumes and snapshots.</summary>
internal sealed class VersionChecker(
    BlockVerifier blocks, CheckReport report, IReadOnlyDictionary<ulong, DatasetRecord> datasets)
{
    private DatasetRecord _version;
    private TreeFloor _floor;
    private string _name = "";
    private long _ownSectors;
    private long _droppedSectors;
    private long _mapped;
    private long _stored;
    private bool _isIncomplete;

    public async ValueTask CheckAsync()
    {
        long claimedBefore = blocks.ClaimedSectors;
        long accounted = 0;
        foreach ((ulong slot, DatasetRecord record) in datasets)
        {
            DatasetRecord? before = Before(slot, record);
            await CheckVersionAsync(slot, record, before);
            accounted += record.AllocatedSectors - (before?.AllocatedSectors ?? 0) + record.DroppedSectors;
        }

        if (blocks.ClaimedSectors - claimedBefore != accounted)
            report.Add($"all versions take {blocks.ClaimedSectors - claimedBefore} sectors, "
                + $"their records add up to {accounted}");
    }

    private async ValueTask CheckVersionAsync(ulong slot, DatasetRecord record, DatasetRecord? before)
    {
        _version = record;
        _name = record.IsSnapshot ? $"snapshot {record.Name} in slot {slot}" : record.Name;
        _floor = before is null
            ? TreeFloor.None
            : new TreeFloor(before.Value.SnapshotEpoch, before.Value.ErasedBlocks, EpochBelow(before.Value));
        _ownSectors = _droppedSectors = _mapped = _stored = 0;
        _isIncomplete = false;
        TreeRoot older = before is null ? TreeRoot.Empty : TreeOf(before.Value);
        TreeRoot tree = TreeOf(record);
        await WalkAsync(Math.Max(older.Height, tree.Height), older, tree, 0);
        // What is being erased shares less than it did, and its accounts say what it was.
        if (_isIncomplete || record.IsDestroying || before is { IsDestroying: true }) return;
        DatasetRecord start = before ?? default;
        Compare("sectors of its own", _ownSectors,
            record.AllocatedSectors - start.AllocatedSectors + record.DroppedSectors);
        Compare("sectors dropped", _droppedSectors, record.DroppedSectors);
        Compare("blocks mapped", _mapped, record.MappedBlocks - start.MappedBlocks);
        Compare("sectors stored", _stored, record.StoredSectors - start.StoredSectors);
    }

    // A tree that is lower than this level lies below the first child.
    private async ValueTask WalkAsync(int level, TreeRoot older, TreeRoot newer, ulong first)
    {
        bool isOlder = older.Height == level;
        bool isNewer = newer.Height == level;
        if (isOlder && isNewer && older.Pointer == newer.Pointer) return;
        if (isOlder) Drop(level, older.Pointer);
        BlockPointer[]? left = [];
        BlockPointer[]? right = [];
        if (isNewer && !newer.Pointer.IsHole) right = await TakeAsync(level, newer.Pointer, first);
        if (level == 0) return;
        if (isOlder && !older.Pointer.IsHole) left = await ReadSharedAsync(older.Pointer);
        if (left is null || right is null)
        {
            _isIncomplete = true;
            return;
        }

        ulong span = TreeGeometry.ChildSpan(level);
        for (int i = 0; i < Layout.NodeFanout; i++)
            await WalkAsync(
                level - 1, ChildOf(level, older, left, i), ChildOf(level, newer, right, i),
                first + ((ulong)i * span));
    }

    private void Drop(int level, in BlockPointer pointer)
    {
        if (pointer.IsHole) return;
        _droppedSectors += pointer.AllocatedSectors;
        if (level > 0) return;
        _mapped--;
        _stored -= pointer.PhysicalSectors;
    }

    // Null if what lies below cannot be walked.
    private async ValueTask<BlockPointer[]?> TakeAsync(int level, BlockPointer pointer, ulong first)
    {
        string what = level == 0 ? $"{_name} block {first}" : $"{_name} node of level {level} at {first}";
        if (pointer.BirthEpoch <= _floor.At(first))
        {
            // Of what is erased of the version before, the one before that answers.
            if (first >= _floor.ErasedBlocks)
                report.Add(
                    $"{what} was born in epoch {pointer.BirthEpoch}, but the version before has another");
            return null;
        }

        _ownSectors += pointer.AllocatedSectors;
        if (level == 0)
        {
            _mapped++;
            _stored += pointer.PhysicalSectors;
        }

        using Verified block = await blocks.ReadAsync(pointer, what);
        if (block.Bytes.IsEmpty) return null;
        if (level == 0)
        {
            if (first >= (ulong)_version.BlockCount) report.Add($"{what} lies beyond the end");
            if (block.Bytes.Length != 1 << _version.BlockShift)
                report.Add($"{what} has {block.Bytes.Length} bytes");
            return [];
        }

        if (block.Bytes.Length != Layout.NodeBytes)
        {
            report.Add($"{what} has {block.Bytes.Length} bytes");
            return null;
        }

        BlockPointer[] children = MemoryMarshal.Cast<byte, BlockPointer>(block.Bytes).ToArray();
        if (PoolChecker.HashOf(children) != pointer.ContentHash)
            report.Add($"{what} has a wrong content hash");
        foreach (BlockPointer child in children)
            if (child.BirthEpoch > pointer.BirthEpoch)
                report.Add($"{what}, born in epoch {pointer.BirthEpoch}, has a child of {child.BirthEpoch}");
        return children;
    }

    private async ValueTask<BlockPointer[]?> ReadSharedAsync(BlockPointer pointer)
    {
        using Verified block = await blocks.ReadSharedAsync(pointer);
        return block.Bytes.Length == Layout.NodeBytes
            ? MemoryMarshal.Cast<byte, BlockPointer>(block.Bytes).ToArray()
            : null;
    }

    private static TreeRoot ChildOf(int level, TreeRoot tree, BlockPointer[] children, int index)
    {
        BlockPointer hole = BlockPointer.Hole;
        if (tree.Height == level)
            return new TreeRoot(children.Length == 0 ? hole : children[index], level - 1);
        return index == 0 ? tree : new TreeRoot(hole, level - 1);
    }

    private DatasetRecord? Before(ulong slot, in DatasetRecord record)
    {
        if (record.Previous == 0) return null;
        if (datasets.TryGetValue(record.Previous - 1, out DatasetRecord before) && before.IsSnapshot)
            return before;
        report.Add($"slot {slot} follows slot {record.Previous - 1}, which is no snapshot");
        return null;
    }

    private ulong EpochBelow(in DatasetRecord record) => record.Previous != 0
        && datasets.TryGetValue(record.Previous - 1, out DatasetRecord below) ? below.SnapshotEpoch : 0;

    private void Compare(string what, long found, long recorded)
    {
        if (found != recorded) report.Add($"{_name}: {found} {what}, the records say {recorded}");
    }

    private static TreeRoot TreeOf(in DatasetRecord record) => new(record.Root, record.Height);
}
