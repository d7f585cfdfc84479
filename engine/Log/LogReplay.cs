using System.Runtime.InteropServices;
using Cstor.Engine.Blocks;
using Cstor.Engine.Host;
using Cstor.Engine.Pools;
using Cstor.Engine.Replicas;
using Cstor.Engine.Trees;
using Cstor.Engine.Vdevs;
using Cstor.Engine.Versions;
using Cstor.Engine.Volumes;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Records;

namespace Cstor.Engine.Log;

/// <summary>
/// Brings the records of a log back into memory, on top of the newest root. Batches that were written after
/// the last known flush are believed only if all data they name is there; the first that lacks some ends the
/// replay.
/// </summary>
internal sealed class LogReplay(PoolCore pool, LogReader reader)
{
    private const int VerifyWidth = 32;

    /// <summary>Groups applied.</summary>
    public int AppliedGroups { get; private set; }

    /// <returns>A fault if a record with a right checksum makes no sense.</returns>
    public async ValueTask<Fault?> ApplyAsync(LogScan scan)
    {
        foreach (LogSegment segment in scan.Segments) TakeSegment(segment);
        IoBuffer buffer = pool.Loop.Buffers.Rent(Layout.LogGroupMaximumBytes);
        Fault? fault = null;
        List<FoundGroup> batch = [];
        foreach (FoundGroup group in scan.Groups)
        {
            batch.Add(group);
            if (group.Header.IsContinued != 0) continue;
            bool isCertain = group.Header.Sequence <= scan.FlushedThrough;
            (fault, bool goOn) = await ApplyBatchAsync(batch, buffer, isCertain);
            if (fault is not null || !goOn) break;
            AppliedGroups += batch.Count;
            batch.Clear();
        }

        buffer.Release();
        if (fault is null && batch.Count > 0)
            PoolLog.ReplayEnded(pool.Logger, pool.Devices.PoolName, batch[0].Header.Sequence);
        return fault;
    }

    private async ValueTask<(Fault? Fault, bool GoOn)> ApplyBatchAsync(
        List<FoundGroup> batch, IoBuffer buffer, bool isCertain)
    {
        Fault? fault = null;
        for (int i = 0; i < batch.Count && !isCertain && fault is null; i++)
        {
            fault = await ReadAsync(batch[i], buffer);
            if (fault is null && !await AllDataIsThereAsync(buffer, batch[i].Header)) return (null, false);
        }

        for (int i = 0; i < batch.Count && fault is null; i++)
        {
            fault = await ReadAsync(batch[i], buffer) ?? ApplyGroup(buffer, batch[i].Header);
        }

        return (fault, true);
    }

    private async ValueTask<Fault?> ReadAsync(FoundGroup group, IoBuffer buffer) =>
        await reader.ReadAsync(group, buffer) ? null : new Fault("log-unreadable",
            $"group {group.Header.Sequence} of the commit log cannot be read twice");

    private Fault? ApplyGroup(IoBuffer buffer, in LogGroupHeader group)
    {
        int at = LogGroupHeader.Bytes;
        int end = at + (int)group.RecordBytes;
        while (at < end)
        {
            string? reason = LogRecordHeader.TryRead(buffer.Span[at..end], out LogRecordHeader header);
            reason ??= Apply(header, buffer.Span.Slice(at, header.LengthBytes));
            if (reason is not null)
                return new Fault("log-invalid", $"group {group.Sequence} of the commit log: {reason}",
                    "A bug of its writer; import with --readonly to save what is there");
            at += header.LengthBytes;
        }

        return null;
    }

    // Whether what the writes of a group name is there. Reads many at a time.
    private async ValueTask<bool> AllDataIsThereAsync(IoBuffer buffer, LogGroupHeader group)
    {
        List<BlockPointer> pointers = [];
        int end = LogGroupHeader.Bytes + (int)group.RecordBytes;
        for (int at = LogGroupHeader.Bytes; at < end;)
        {
            if (LogRecordHeader.TryRead(buffer.Span[at..end], out LogRecordHeader header) is not null) break;
            if (header.Kind == LogRecordKind.Write)
                pointers.Add(MemoryMarshal.Read<LogWriteRecord>(buffer.Span[at..]).Pointer);
            at += header.LengthBytes;
        }

        bool isThere = true;
        int next = 0;
        Task[] workers = new Task[Math.Min(VerifyWidth, pointers.Count)];
        for (int i = 0; i < workers.Length; i++) workers[i] = VerifyAsync();
        foreach (Task worker in workers) await worker;
        return isThere;

        async Task VerifyAsync()
        {
            while (next < pointers.Count && isThere)
            {
                BlockPointer mine = pointers[next++];
                // One that makes no sense is reported when it is applied.
                if (mine.Validate() is null && IsInside(mine) && !await DataIsThereAsync(mine))
                    isThere = false;
            }
        }
    }

    private bool IsInside(in BlockPointer pointer) =>
        pointer.IsHole || pool.Allocator.ReasonAgainst(pointer) is null;

    // A write that was under way when the power went may have reached some copies only. Once its record
    // counts, the others must be made alike: else the loss of one good disk would take what readers have seen
    // since.
    private async ValueTask<bool> DataIsThereAsync(BlockPointer pointer)
    {
        if (pointer.IsHole) return true;
        int bytes = pointer.PhysicalSectors << Layout.SectorShift;
        IoBuffer contents = pool.Loop.Buffers.Rent(bytes);
        Examination found = await pool.Devices.ExamineAsync(
            pointer.Place0, contents.First(bytes), slice => BlockReader.Matches(pointer, slice),
            ExamineMode.RepairAll);
        contents.Release();
        return found.Status == IoStatus.Ok;
    }

    private string? Apply(LogRecordHeader header, ReadOnlySpan<byte> record) => header.Kind switch
    {
        LogRecordKind.Write => ApplyWrite(header.Slot, MemoryMarshal.Read<LogWriteRecord>(record)),
        LogRecordKind.Unmap => ApplyUnmap(header.Slot, MemoryMarshal.Read<LogUnmapRecord>(record)),
        LogRecordKind.DatasetPut => ApplyPut(header.Slot, record[LogRecordHeader.Bytes..]),
        LogRecordKind.Snapshot =>
            ApplySnapshot(header.Slot, MemoryMarshal.Read<LogSnapshotRecord>(record)),
        LogRecordKind.Rollback =>
            ApplyRollback(header.Slot, MemoryMarshal.Read<LogRollbackRecord>(record)),
        LogRecordKind.Part => ApplyPart(header.Slot, record),
        LogRecordKind.Position =>
            ApplyPosition(header.Slot, MemoryMarshal.Read<LogPositionRecord>(record)),
        _ => ApplyPromote(header.Slot),
    };

    private string? ApplyWrite(uint slot, in LogWriteRecord write)
    {
        if (VolumeAt(slot) is not { } volume) return $"write to slot {slot}, which is free";
        if (write.Block >= volume.BlockCount)
            return $"write to block {write.Block} beyond the end of {volume.Name}";
        string? reason = write.Pointer.Validate() ?? ReasonAgainstPlace(write.Pointer);
        if (reason is not null) return reason;
        if (!write.Pointer.IsHole) pool.Allocator.Take(write.Pointer.Place0, write.Pointer.AllocatedSectors);
        volume.Enter(write.Block, write.Pointer);
        // What is written from now on is younger than all that is replayed.
        pool.Epoch = Math.Max(pool.Epoch, write.Pointer.BirthEpoch + 1);
        return null;
    }

    private string? ReasonAgainstPlace(in BlockPointer pointer)
    {
        if (pointer.IsHole) return null;
        BlockPlace place = pointer.Place0;
        if (!pointer.Place1.IsNone) return "data in two copies";
        if (pool.Allocator.ReasonAgainst(pointer) is { } reason) return reason;
        for (int i = 0; i < pointer.AllocatedSectors; i++)
            if (pool.Allocator.Vdev(place.Vdev).IsTaken(place.Sector + i))
                return $"place {place} is taken already";
        return null;
    }

    private string? ApplyUnmap(uint slot, in LogUnmapRecord unmap)
    {
        if (VolumeAt(slot) is not { } volume) return $"unmap of slot {slot}, which is free";
        if (unmap.BlockCount == 0 || unmap.BlockCount > volume.BlockCount
            || unmap.FirstBlock > volume.BlockCount - unmap.BlockCount)
            return $"unmap beyond the end of {volume.Name}";
        volume.EnterHoles(new BlockRange(unmap.FirstBlock, unmap.BlockCount));
        return null;
    }

    private string? ApplyPart(uint slot, ReadOnlySpan<byte> record)
    {
        if (VolumeAt(slot) is not { } volume) return $"part of a block of slot {slot}, which is free";
        LogPartRecord part = MemoryMarshal.Read<LogPartRecord>(record);
        if (part.Block >= volume.BlockCount)
            return $"part of block {part.Block} beyond the end of {volume.Name}";
        if (part.Validate(volume.BlockSizeBytes) is { } reason) return reason;
        return pool.WriteBack.TryRestore(
            volume, part.Block, (int)part.OffsetBytes, record[LogPartRecord.Bytes..])
            ? null : "no memory for the parts of blocks that it holds";
    }

    private string? ApplyPosition(uint slot, in LogPositionRecord position)
    {
        if (VolumeAt(slot) is not { } volume) return $"position of slot {slot}, which is no volume";
        volume.Position = new ReplicaPosition(position.Epoch, position.Index);
        volume.IsDirty = true;
        return null;
    }

    private string? ApplyPut(uint slot, ReadOnlySpan<byte> bytes)
    {
        string? reason = DatasetRecord.TryRead(bytes, out DatasetRecord record);
        if (reason is not null) return reason;
        if (At(slot) is { } known)
        {
            if (record.IsSnapshot != known is Snapshot) return $"slot {slot} is of another kind";
            known.ApplySettings(record);
            if (record.IsDestroying) VersionChanges.Destroy(known);
            return null;
        }

        if (FaultOfNewSlot(slot) is { } gap) return gap;
        if (record.IsSnapshot) return $"slot {slot} would be a snapshot of nothing";
        Volume volume;
        if (record.Previous == 0) volume = new Volume(pool, slot, record, new LayeredTree(TreeState.Empty));
        else if (At(record.Previous - 1) is Snapshot origin)
            volume = VersionChanges.Clone(origin, slot, record);
        else return $"slot {slot} would be a clone of nothing";
        VersionChanges.Enter(pool, volume);
        return null;
    }

    private string? ApplySnapshot(uint slot, in LogSnapshotRecord taken)
    {
        if (VolumeAt(slot) is not { } volume) return $"snapshot of slot {slot}, which is no volume";
        if (FaultOfNewSlot(taken.SnapshotSlot) is { } gap) return gap;
        if (taken.Validate() is { } reason) return reason;
        VersionChanges.TakeSnapshot(volume, taken);
        pool.Epoch = Math.Max(pool.Epoch, taken.Epoch + 1);
        return null;
    }

    private string? ApplyRollback(uint slot, in LogRollbackRecord rollback)
    {
        if (VolumeAt(slot) is not { } volume || At(rollback.SnapshotSlot) is not Snapshot target
            || target.Owner != volume)
            return $"rollback of slot {slot} to slot {rollback.SnapshotSlot}, which is no snapshot of it";
        if (FaultOfNewSlot(rollback.DiscardedSlot) is { } gap) return gap;
        VersionChanges.Rollback(volume, target, rollback);
        pool.Epoch = Math.Max(pool.Epoch, rollback.Epoch + 1);
        return null;
    }

    private string? ApplyPromote(uint slot)
    {
        if (VolumeAt(slot) is not { } clone || VersionChanges.OriginOf(clone) is null)
            return $"promotion of slot {slot}, which is no clone";
        VersionChanges.Promote(clone);
        return null;
    }

    private string? FaultOfNewSlot(uint slot) => slot > pool.Slots.Count
        ? $"slot {slot} leaves a gap in the dataset table"
        : At(slot) is null ? null : $"slot {slot} is taken";

    private Dataset? At(uint slot) => slot < pool.Slots.Count ? pool.Slots[(int)slot] : null;

    private Volume? VolumeAt(uint slot) => At(slot) as Volume;

    // The log ends with this import, so its segments are free after the next checkpoint. Those allocated
    // after the last one are not in the space map yet.
    private void TakeSegment(LogSegment segment)
    {
        Take(segment.Place0);
        Take(segment.Place1);
    }

    private void Take(BlockPlace place)
    {
        int sectors = pool.Allocator.SegmentSectorsOf(place);
        if (!pool.Allocator.IsTaken(place))
        {
            pool.Allocator.Take(place, sectors);
            pool.Ledger.Allocated(place, sectors);
        }

        pool.Ledger.Freed(place, sectors);
    }
}
