using Cstor.Engine.Host;
using Cstor.Engine.Log;
using Cstor.Engine.Space;
using Cstor.Engine.Trees;
using Cstor.Engine.Versions;
using Cstor.Engine.Volumes;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Checksums;
using Cstor.PoolLayout.Records;

namespace Cstor.Engine.Pools;

/// <summary>
/// Brings everything that was visible at one instant (the freeze) into a new tree, beside the old one, and
/// makes the new one the pool by writing an uberblock.
/// </summary>
/// <remarks>
/// Order: volume trees, dataset table, space map and log, commit log; flush; uberblock; flush. A crash before
/// the uberblock leaves the old root with its whole log; after it, the new root with the log from the freeze
/// on. Space that the checkpoint freed is given out again only after the second flush. Reads and writes go
/// on all the while; after a failed write of metadata the pool stops.
///
/// Epochs: the freeze ends epoch E and begins E + 1. A block is stamped with the epoch in which its pointer
/// becomes visible, so what was frozen was born in E or before; the checkpoint's own blocks are born in E.
/// No block is thus born before anything that lies below it, and a walk may prune by birth. The root says
/// E + 1. Until it is durable, devices that fail miss what is born from E on, for blocks of E are still
/// being written. An import goes on with an epoch above the root's and above that of every pointer that it
/// replays, so no birth is ever used for both sides of a checkpoint. A snapshot ends an epoch too, and the
/// nodes of a layer are born in the last epoch of that layer: so they belong to the versions that hold it.
///
/// What versions there are, and in which order, may change during a checkpoint; the root tells how it was at
/// the freeze (see <see cref="DatasetJob"/>), and the log what was done since.
/// </remarks>
internal sealed class Checkpoint(PoolCore pool)
{
    private readonly List<DatasetJob> _jobs = [];
    private readonly Erasures _erasures = new(pool);
    private int _slotCount;
    private ulong _epoch;

    /// <summary>A checkpoint is under way.</summary>
    public bool IsRunning { get; private set; }

    /// <summary>Destroyed datasets wait for further checkpoints.</summary>
    public bool HasErasures => _erasures.IsPending;

    /// <summary>What the newest durable root leads to.</summary>
    public DurableRoots Durable { get; private set; } = DurableRoots.None;

    /// <summary>Sectors in use at the newest durable root.</summary>
    public long AllocatedSectors { get; set; }

    /// <summary>Runs one checkpoint. Not while another runs.</summary>
    public async ValueTask<IoStatus> RunAsync()
    {
        Check.That(!IsRunning && pool.Log is not null);
        if (pool.Stopped != IoStatus.Ok) return pool.Stopped;
        IsRunning = true;
        ulong number = pool.Checkpoint + 1;
        LogPosition log = Freeze();
        (IoStatus status, TreeRoot datasets) = await WriteTreesAsync();
        if (status == IoStatus.Ok) status = await pool.SpaceMap.WriteAsync(number, _epoch, pool.Metadata);
        // Drained whatever happened, so that no write is under way when the pool stops.
        IoStatus written = await pool.Metadata.DrainAsync();
        if (status == IoStatus.Ok) status = written;
        // What the log before the freeze had and no tree has: before that log is free, the new one has it.
        if (status == IoStatus.Ok) status = await pool.Log.WriteOutAsync();
        long allocated = AllocatedSectors + NetFrozenSectors();
        if (status == IoStatus.Ok) status = await pool.Devices.FlushAsync();
        if (status == IoStatus.Ok) status = await WriteUberblockAsync(number, log, datasets, allocated);
        if (status == IoStatus.Ok) await PublishAsync(number, datasets, allocated);
        else
        {
            pool.Stop($"checkpoint {number} failed: {status}");
            pool.Log.GiveUp(IoStatus.PoolStopped);
        }

        IsRunning = false;
        return status;
    }

    private LogPosition Freeze()
    {
        LogPosition log = pool.Log!.Freeze();
        _epoch = pool.Epoch++;
        pool.Scans.Freeze();
        _jobs.Clear();
        _slotCount = pool.Slots.Count;
        foreach (Dataset? dataset in pool.Slots)
        {
            if (dataset is null) continue;
            (dataset as Volume)?.Seal(dataset, _epoch);
            if (dataset.Tree.Layers.Length == 0 && !dataset.IsDirty) continue;
            dataset.IsDirty = false;
            _jobs.Add(new DatasetJob(dataset));
        }

        pool.PendingCount = 0;
        pool.ChangedDatasets = 0;
        pool.Guarantees.Freeze();
        _erasures.Plan(_jobs);
        return log;
    }

    private async ValueTask<(IoStatus Status, TreeRoot Datasets)> WriteTreesAsync()
    {
        TreeUpdate update = new(pool.Loop, pool.Trees, pool.Metadata, pool.Ledger);
        // Destroyed datasets are freed a piece in each checkpoint, so these should not last.
        if (!_erasures.IsPending) pool.Pace.Begin(FrozenChanges(), pool.Loop.NowNanoseconds);
        foreach (DatasetJob job in _jobs)
            if (await WriteLayersAsync(update, job) is var status and not IoStatus.Ok)
                return (status, default);
        pool.Pace.End();
        if (await _erasures.RunAsync(_epoch) is var erased and not IoStatus.Ok) return (erased, default);
        using PendingMap records = new();
        foreach (DatasetJob job in _jobs)
            if (WriteRecord(job, records) is var status and not IoStatus.Ok)
                return (status, default);
        if (records.IsEmpty) return (IoStatus.Ok, pool.DatasetTree);
        int height = TreeGeometry.HeightFor((ulong)_slotCount);
        TreeRoot datasets =
            await update.ApplyAsync(pool.DatasetTree, records, height, _epoch, TreeFloor.None);
        return (update.Status, datasets);
    }

    private long FrozenChanges()
    {
        long changes = 0;
        foreach (DatasetJob job in _jobs)
            foreach (Layer layer in job.Layers)
                if (layer.FrozenOwner == job.Dataset)
                    changes += layer.Map.Count;
        return changes;
    }

    // A layer that several versions see is applied for the first of them, and the others go on from there.
    private static async ValueTask<IoStatus> WriteLayersAsync(TreeUpdate update, DatasetJob job)
    {
        foreach (Layer layer in job.Layers)
        {
            if (layer.Result is null)
            {
                TreeRoot root = await update.ApplyAsync(
                    job.State.Root, layer.Map, layer.Height, layer.Epoch, layer.Owner.Floor);
                if (update.Status != IoStatus.Ok) return update.Status;
                layer.DroppedSectors = update.DroppedSectors;
                layer.Result = new TreeState(
                    root,
                    job.State.AllocatedSectors + update.AllocatedSectors,
                    job.State.MappedBlocks + update.MappedBlocks,
                    job.State.StoredSectors + update.StoredSectors);
            }

            job.State = layer.Result.Value;
            if (layer.FrozenOwner == job.Dataset) job.Record.DroppedSectors += layer.DroppedSectors;
        }

        return IoStatus.Ok;
    }

    private IoStatus WriteRecord(DatasetJob job, PendingMap records)
    {
        if (job.IsRemoved)
        {
            records.Set(job.Dataset.Slot, BlockPointer.Hole);
            return IoStatus.Ok;
        }

        job.Complete();
        IoBuffer buffer = pool.Loop.Buffers.Rent(DatasetRecord.Bytes);
        job.Record.Write(buffer.Span);
        bool done = pool.Metadata.TryWrite(
            buffer, Layout.SectorShift, DatasetRecord.Bytes, _epoch, Xxh128.Compute(buffer.Span),
                out BlockPointer pointer);
        buffer.Release();
        if (!done) return IoStatus.NoSpace;
        records.Set(job.Dataset.Slot, pointer);
        return IoStatus.Ok;
    }

    private long NetFrozenSectors()
    {
        long net = 0;
        foreach (SpaceLogEntry entry in pool.Ledger.Frozen)
            net += entry.Change == SpaceChange.Allocated ? entry.SectorCount : -(long)entry.SectorCount;
        return net;
    }

    private async ValueTask<IoStatus> WriteUberblockAsync(ulong number, LogPosition log, TreeRoot datasets,
        long allocated)
    {
        SpaceMap map = pool.SpaceMap;
        Uberblock uberblock = new()
        {
            Magic = Uberblock.MagicValue,
            Version = Layout.FormatVersion,
            SectorShift = Layout.SectorShift,
            PoolGuid = pool.Devices.PoolGuid,
            Number = number,
            Epoch = _epoch + 1,
            UnixNanoseconds = (pool.Loop.UtcNow - DateTimeOffset.UnixEpoch).Ticks * 100,
            LogGeneration = log.Generation,
            LogSequence = log.Sequence,
            LogPlace0 = log.Segment.Place0,
            LogPlace1 = log.Segment.Place1,
            LogNext0 = log.Next.Place0,
            LogNext1 = log.Next.Place1,
            LogOffsetBytes = (uint)log.OffsetBytes,
            LogPreviousChecksum = log.PreviousChecksum,
            DatasetHeight = (byte)datasets.Height,
            DatasetRoot = datasets.Pointer,
            DatasetSlots = (ulong)_slotCount,
            SpaceMapHeight = (byte)map.Tree.Height,
            SpaceMapRoot = map.Tree.Pointer,
            SpaceLogHead = map.LogHead,
            SpaceLogBlocks = (ulong)map.LogBlockCount,
            AllocatedSectors = allocated,
            Scrub = pool.Scans.FrozenScrub,
            Resilver = pool.Scans.FrozenResilver(pool.Devices),
        };
        IoBuffer buffer = pool.Loop.Buffers.Rent(Layout.UberblockBytes);
        uberblock.Write(buffer.Span);
        IoStatus status = await pool.Devices.WriteUberblockAsync(buffer.First(Layout.UberblockBytes), number);
        buffer.Release();
        return status == IoStatus.Ok ? await pool.Devices.FlushAsync() : status;
    }

    private async ValueTask PublishAsync(ulong number, TreeRoot datasets, long allocated)
    {
        foreach (DatasetJob job in _jobs)
            foreach (Layer layer in job.Layers)
                layer.BecomeDurable();
        foreach (Dataset? dataset in pool.Slots) dataset?.Tree.Settle();
        _erasures.Publish();
        pool.Guarantees.Thaw();
        _jobs.Clear();
        pool.Checkpoint = number;
        pool.Devices.Epoch = _epoch + 1;
        pool.Log!.OnPublished();
        pool.DatasetTree = datasets;
        AllocatedSectors = allocated;
        SpaceMap map = pool.SpaceMap;
        Durable = new DurableRoots(
            datasets, (ulong)_slotCount, map.Tree, map.LogHead, map.LogBlockCount);
        map.Thaw();
        await pool.Ledger.ThawAsync();
    }
}
