using System.Runtime.InteropServices;
using Cstor.Engine.Blocks;
using Cstor.Engine.Host;
using Cstor.Engine.Trees;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Checksums;
using Cstor.PoolLayout.Records;

namespace Cstor.Engine.Space;

/// <summary>
/// Free space on disk: bitmaps of the regions, and a log of what changed since each was written. A
/// checkpoint appends its changes to the log, and rewrites only the bitmaps that would otherwise make the
/// log too long.
/// </summary>
/// <remarks>
/// The blocks of the log are placed before their contents are made, so that they record their own
/// allocation; nothing is allocated after them in a checkpoint. A bitmap may be newer than parts of the log
/// that still exist: replaying an older change over it and then all later ones ends in the right state.
/// </remarks>
internal sealed class SpaceMap(ILoop loop, SpaceLedger ledger, SpaceAllocator allocator, TreeReader trees,
    BlockReader reader) : IDisposable
{
    /// <summary>Index of a region in the tree.</summary>
    private const int VdevShift = 20;

    // Checkpoints whose changes may stay in the log before the bitmaps must have them.
    private const ulong LogCheckpoints = 16;

    private const int EntriesPerTurn = 4096;

    // Changes of a region above which its bitmap is the shorter way to say it.
    private const int RegionLimit = 1024;

    private readonly Dictionary<ulong, RegionChanges> _changed = [];
    private readonly Stack<RegionChanges> _free = [];
    private readonly List<ulong> _due = [];
    private readonly Queue<(ulong Checkpoint, BlockPointer Pointer)> _logBlocks = [];
    private int _distributed;

    public TreeRoot Tree { get; private set; } = TreeRoot.Empty;

    public BlockPointer LogHead { get; private set; } = BlockPointer.Hole;

    /// <summary>Blocks of the log that are alive.</summary>
    public int LogBlockCount => _logBlocks.Count;

    /// <summary>Loads bitmaps and log of the newest root into the allocator.</summary>
    public async ValueTask<IoStatus> LoadAsync(TreeRoot tree, BlockPointer logHead, ulong logBlocks)
    {
        Tree = tree;
        LogHead = logHead;
        for (int vdev = 0; vdev < allocator.VdevCount; vdev++)
        {
            VdevSpace space = allocator.Vdev(vdev);
            for (int region = 0; region < space.RegionCount; region++)
            {
                IoStatus status = await LoadRegionAsync(space, region);
                if (status != IoStatus.Ok) return status;
            }
        }

        return await LoadLogAsync(logBlocks);
    }

    /// <summary>
    /// Writes the bitmaps that are due and the log of this checkpoint. Last to allocate in a checkpoint.
    /// </summary>
    public async ValueTask<IoStatus> WriteAsync(ulong checkpoint, ulong epoch, MetadataWriter writer)
    {
        await DistributeAsync(checkpoint);
        using PendingMap bitmaps = new();
        ulong dueBefore = checkpoint > LogCheckpoints ? checkpoint - LogCheckpoints : 0;
        _due.Clear();
        foreach ((ulong region, RegionChanges changes) in _changed)
            if (changes.OldestCheckpoint <= dueBefore || changes.Count > RegionLimit)
                _due.Add(region);
        _due.Sort();
        foreach (ulong region in _due)
        {
            IoStatus status = await RewriteAsync(region, epoch, writer, bitmaps);
            if (status != IoStatus.Ok) return status;
        }

        if (_due.Count > 0)
        {
            TreeUpdate update = new(loop, trees, writer, ledger);
            Tree = await update.ApplyAsync(
                Tree, bitmaps, TreeGeometry.HeightFor(_due[^1] + 1), epoch, TreeFloor.None);
            if (update.Status != IoStatus.Ok) return update.Status;
        }

        await DistributeAsync(checkpoint);
        return await WriteLogAsync(checkpoint, epoch, writer);
    }

    /// <summary>The checkpoint is durable: the next one begins with an empty ledger.</summary>
    public void Thaw() => _distributed = 0;

    public void Dispose()
    {
        foreach (RegionChanges changes in _changed.Values) changes.Dispose();
        foreach (RegionChanges changes in _free) changes.Dispose();
    }

    private async ValueTask<IoStatus> LoadRegionAsync(VdevSpace space, int region)
    {
        ulong index = IndexOf(space.Vdev, region);
        (IoStatus status, BlockPointer pointer) = await trees.FindAsync(Tree, index);
        if (status != IoStatus.Ok || pointer.IsHole) return status;
        IoBuffer buffer = loop.Buffers.Rent(Layout.SectorBytes);
        status = await reader.ReadApartAsync(pointer, buffer.Slice, DamageKind.Space);
        if (status == IoStatus.Ok) space.LoadRegion(region, buffer.Span);
        buffer.Release();
        return status;
    }

    private async ValueTask<IoStatus> LoadLogAsync(ulong count)
    {
        List<(ulong Checkpoint, BlockPointer Pointer, SpaceLogEntry[] Entries)> blocks = [];
        IoBuffer buffer = loop.Buffers.Rent(1 << SpaceLogHeader.BlockShift);
        IoStatus status = IoStatus.Ok;
        BlockPointer next = LogHead;
        for (ulong i = 0; i < count; i++)
        {
            status = next.IsHole
                ? IoStatus.ChecksumMismatch
                : await reader.ReadApartAsync(next, buffer.Slice, DamageKind.Space);
            if (status != IoStatus.Ok) break;
            if (SpaceLogHeader.TryRead(buffer.Span[..(int)next.PhysicalBytes],
                out SpaceLogHeader header) is not null)
            {
                status = IoStatus.ChecksumMismatch;
                break;
            }

            ReadOnlySpan<byte> entries = buffer.Span[SpaceLogHeader.Bytes..header.TotalBytes];
            blocks.Add((header.Checkpoint, next, MemoryMarshal.Cast<byte, SpaceLogEntry>(entries).ToArray()));
            next = header.Previous;
        }

        buffer.Release();
        if (status != IoStatus.Ok) return status;
        for (int i = blocks.Count - 1; i >= 0; i--)
        {
            _logBlocks.Enqueue((blocks[i].Checkpoint, blocks[i].Pointer));
            foreach (SpaceLogEntry entry in blocks[i].Entries)
            {
                if (entry.Validate() is not null || !IsInside(entry)) return IoStatus.ChecksumMismatch;
                allocator.Vdev(entry.Place.Vdev).Assign(
                    entry.Place.Sector, (int)entry.SectorCount, entry.Change == SpaceChange.Allocated);
                Note(entry, blocks[i].Checkpoint);
            }
        }

        return IoStatus.Ok;
    }

    private bool IsInside(in SpaceLogEntry entry) =>
        entry.Place.Vdev < allocator.VdevCount
        && entry.Place.Sector + entry.SectorCount <= allocator.Vdev(entry.Place.Vdev).SectorCount;

    // Sorts the ledger's new entries by region.
    private async ValueTask DistributeAsync(ulong checkpoint)
    {
        for (; _distributed < ledger.FrozenCount; _distributed++)
        {
            if (_distributed % EntriesPerTurn == EntriesPerTurn - 1) await loop.DelayAsync(0);
            Note(ledger.Frozen[_distributed], checkpoint);
        }

        ledger.StopJoining();
    }

    private void Note(SpaceLogEntry entry, ulong checkpoint)
    {
        long sector = entry.Place.Sector;
        uint left = entry.SectorCount;
        while (left > 0)
        {
            int region = (int)(sector / Layout.RegionSectors);
            uint part = (uint)Math.Min(left, Layout.RegionSectors - (sector % Layout.RegionSectors));
            ulong index = IndexOf(entry.Place.Vdev, region);
            if (!_changed.TryGetValue(index, out RegionChanges? changes))
                _changed.Add(index, changes = Rent(checkpoint));
            changes.Add(
                (int)(sector % Layout.RegionSectors), (int)part, entry.Change == SpaceChange.Allocated);
            sector += part;
            left -= part;
        }
    }

    private RegionChanges Rent(ulong checkpoint)
    {
        if (!_free.TryPop(out RegionChanges? changes)) changes = new RegionChanges();
        changes.Begin(checkpoint);
        return changes;
    }

    private async ValueTask<IoStatus> RewriteAsync(ulong region, ulong epoch, MetadataWriter writer,
        PendingMap bitmaps)
    {
        (IoStatus status, BlockPointer old) = await trees.FindAsync(Tree, region);
        if (status != IoStatus.Ok) return status;
        IoBuffer buffer = loop.Buffers.Rent(Layout.SectorBytes);
        if (old.IsHole) buffer.Span.Clear();
        else status = await reader.ReadApartAsync(old, buffer.Slice, DamageKind.Space);
        if (status == IoStatus.Ok)
        {
            _changed.Remove(region, out RegionChanges? changes);
            changes!.ApplyTo(MemoryMarshal.Cast<byte, ulong>(buffer.Span));
            _free.Push(changes);
            Hash128 content = Xxh128.Compute(buffer.Span);
            if (writer.TryWrite(buffer, Layout.SectorShift, Layout.SectorBytes, epoch, content,
                out BlockPointer pointer))
                bitmaps.Set(region, pointer);
            else status = IoStatus.NoSpace;
        }

        buffer.Release();
        return status;
    }

    private async ValueTask<IoStatus> WriteLogAsync(ulong checkpoint, ulong epoch, MetadataWriter writer)
    {
        ForgetOldBlocks(checkpoint);
        int expected = ledger.FrozenCount;
        int blockCount = 1;
        while (expected + (2 * blockCount) > blockCount * SpaceLogHeader.MaximumEntries) blockCount++;
        expected += 2 * blockCount;
        (BlockPlace, BlockPlace)[] places = new (BlockPlace, BlockPlace)[blockCount];
        for (int i = 0; i < blockCount; i++)
        {
            int sectors = SectorsFor(EntriesOf(i, expected));
            if (!allocator.TryAllocateMetadata(sectors, out BlockPlace place0, out BlockPlace place1))
                return IoStatus.NoSpace;
            ledger.FrozenAllocated(place0, allocator.SectorsOf(place0, sectors));
            ledger.FrozenAllocated(place1, allocator.SectorsOf(place1, sectors));
            places[i] = (place0, place1);
        }

        await DistributeAsync(checkpoint);
        for (int i = 0, done = 0; i < blockCount; i++)
        {
            int room = EntriesOf(i, expected);
            int count = Math.Min(room, ledger.FrozenCount - done);
            IoBuffer buffer = FillLogBlock(checkpoint, done, count, room);
            LogHead = writer.WriteAt(
                buffer, SpaceLogHeader.BlockShift, BytesFor(room), epoch, default, places[i].Item1,
                    places[i].Item2);
            _logBlocks.Enqueue((checkpoint, LogHead));
            buffer.Release();
            done += count;
        }

        return IoStatus.Ok;
    }

    private IoBuffer FillLogBlock(ulong checkpoint, int from, int count, int room)
    {
        IoBuffer buffer = loop.Buffers.Rent(1 << SpaceLogHeader.BlockShift);
        SpaceLogHeader header = new()
        {
            Magic = SpaceLogHeader.MagicValue,
            Checkpoint = checkpoint,
            EntryCount = (uint)count,
            Previous = LogHead,
        };
        MemoryMarshal.Write(buffer.Span, in header);
        Span<SpaceLogEntry> entries = MemoryMarshal.Cast<byte,
            SpaceLogEntry>(buffer.Span[SpaceLogHeader.Bytes..BytesFor(room)]);
        entries.Clear();
        for (int i = 0; i < count; i++) entries[i] = ledger.Frozen[from + i];
        return buffer;
    }

    // The log may end where the oldest change begins that no bitmap has.
    private void ForgetOldBlocks(ulong checkpoint)
    {
        ulong tail = checkpoint;
        foreach (RegionChanges changes in _changed.Values) tail = Math.Min(tail, changes.OldestCheckpoint);
        while (_logBlocks.TryPeek(out (ulong Checkpoint, BlockPointer Pointer) oldest)
            && oldest.Checkpoint < tail)
        {
            ledger.FrozenFreed(oldest.Pointer);
            _logBlocks.Dequeue();
        }
    }

    private static int EntriesOf(int block, int total) =>
        Math.Clamp(total - (block * SpaceLogHeader.MaximumEntries), 0, SpaceLogHeader.MaximumEntries);

    private static int BytesFor(int entries) => SpaceLogHeader.Bytes + (entries * SpaceLogEntry.Bytes);

    private static int SectorsFor(int entries) =>
        (BytesFor(entries) + Layout.SectorBytes - 1) >> Layout.SectorShift;

    private static ulong IndexOf(int vdev, int region) => ((ulong)vdev << VdevShift) | (uint)region;
}
