using Cstor.Engine.Host;
using Cstor.Engine.Space;
using Cstor.Engine.Vdevs;
using Cstor.PoolLayout;

namespace Cstor.Engine.Blocks;

/// <summary>
/// Finds room for blocks and writes them. Everything that one turn of the loop brought is placed side by
/// side and goes to the device as one gathered write, so that random writes of a volume become sequential
/// ones of the disk.
/// </summary>
/// <remarks>
/// When there is no room, but a checkpoint would give some back, requests wait here until it has. The
/// writer decides nothing about visibility: its callers enter the pointers once the write has completed,
/// and give back the places of one that failed.
/// </remarks>
internal sealed class BlockWriter(ILoop loop, PoolDevices devices, SpaceAllocator allocator) : ITurnEnd
{
    private readonly Queue<ExtentWrite> _queue = new(256);
    private readonly Queue<ExtentWrite> _reserved = new(32);
    private readonly Stack<ExtentWrite> _freeExtents = new(256);
    private readonly Stack<WriteRun> _freeRuns = new(64);
    private readonly List<TaskCompletionSource> _held = [];
    private readonly int[] _rented = new int[2];
    private int _generation;
    private TaskCompletionSource? _barrier;
    private bool _deferred;

    /// <summary>
    /// Asked when there is no room or the pool wants writers to wait: true if <see cref="Resume"/> will be
    /// called later.
    /// </summary>
    public Func<bool> WaitForSpace { get; set; } = static () => false;

    /// <summary>Set while changes must wait, because too much awaits the checkpoint already.</summary>
    public bool IsHeld { get; set; }

    /// <summary>Sectors taken by data blocks since import, parity and padding included.</summary>
    public long WrittenSectors { get; private set; }

    /// <summary>A request to fill in; give it back by <see cref="Return"/>.</summary>
    public ExtentWrite Rent()
    {
        if (!_freeExtents.TryPop(out ExtentWrite? extent)) extent = new ExtentWrite();
        extent.Generation = _generation;
        extent.IsReserved = false;
        _rented[_generation]++;
        return extent;
    }

    /// <summary>The write has failed, or its pointers were entered.</summary>
    public void Return(ExtentWrite extent)
    {
        _freeExtents.Push(extent);
        if (--_rented[extent.Generation] > 0 || extent.Generation == _generation) return;
        TaskCompletionSource? barrier = _barrier;
        _barrier = null;
        barrier?.SetResult();
    }

    /// <summary>
    /// Completes when every extent rented before this call was returned: those writes are visible or have
    /// failed. One at a time.
    /// </summary>
    public ValueTask BarrierAsync()
    {
        Check.That(_barrier is null && _rented[1 - _generation] == 0);
        int before = _generation;
        _generation = 1 - before;
        if (_rented[before] == 0) return ValueTask.CompletedTask;
        _barrier = new TaskCompletionSource();
        return new ValueTask(_barrier.Task);
    }

    /// <summary>
    /// Writes the extent's blocks; on success <see cref="ExtentWrite.Places"/> holds where.
    /// </summary>
    public ValueTask<IoStatus> WriteAsync(ExtentWrite extent)
    {
        Check.That(extent.UnitCount is > 0 and <= ExtentWrite.MaximumUnits);
        Check.That(extent.Source.LengthBytes == extent.UnitCount * extent.UnitSectors * Layout.SectorBytes);
        extent.Begin();
        (extent.IsReserved ? _reserved : _queue).Enqueue(extent);
        DeferOnce();
        return extent.Task;
    }

    /// <summary>Space may have become free: tries again what waits.</summary>
    public void Resume()
    {
        if (_queue.Count > 0) DeferOnce();
        if (IsHeld) return;
        foreach (TaskCompletionSource waiter in _held) loop.Post(waiter.SetResult);
        _held.Clear();
    }

    /// <summary>Completes when new changes need not wait: for those that write no blocks.</summary>
    public async ValueTask WaitWhileHeldAsync()
    {
        while (IsHeld)
        {
            TaskCompletionSource waiter = new();
            _held.Add(waiter);
            await waiter.Task;
        }
    }

    public void OnTurnEnd()
    {
        _deferred = false;
        WriteRun run = RentRun();
        while (_reserved.TryDequeue(out ExtentWrite? kept))
        {
            TryPlace(kept, ref run);
            kept.EndPart(kept.PlacedUnits == kept.UnitCount ? IoStatus.Ok : IoStatus.NoSpace);
        }

        while (!IsHeld && _queue.TryPeek(out ExtentWrite? extent))
        {
            if (!TryPlace(extent, ref run) && WaitForSpace()) break;
            _queue.Dequeue();
            extent.EndPart(extent.PlacedUnits == extent.UnitCount ? IoStatus.Ok : IoStatus.NoSpace);
        }

        if (run.IsEmpty) _freeRuns.Push(run);
        else run.Start(devices);
    }

    internal void RunEnded(WriteRun run) => _freeRuns.Push(run);

    private bool TryPlace(ExtentWrite extent, ref WriteRun run)
    {
        while (extent.PlacedUnits < extent.UnitCount)
        {
            int unitBytes = extent.UnitSectors << Layout.SectorShift;
            int wanted = extent.UnitCount - extent.PlacedUnits;
            if (!allocator.TryAllocateData(
                extent.UnitSectors, wanted, extent.IsReserved, out BlockPlace place, out int taken))
                return false;
            IoSlice piece = extent.Source.Slice(extent.PlacedUnits * unitBytes, taken * unitBytes);
            int unit = allocator.SectorsOf(place, extent.UnitSectors);
            for (int i = 0; i < taken; i++)
                extent.Places[extent.PlacedUnits++] = new BlockPlace(place.Vdev, place.Sector + (i * unit));
            WrittenSectors += taken * unit;
            int sliceBytes = allocator.Vdev(place.Vdev).Geometry.Parity > 0 ? unitBytes : piece.LengthBytes;
            if (run.TryAdd(extent, place, taken * unit, piece, sliceBytes)) continue;
            run.Start(devices);
            run = RentRun();
            bool added = run.TryAdd(extent, place, taken * unit, piece, sliceBytes);
            Check.That(added);
        }

        return true;
    }

    private WriteRun RentRun() => _freeRuns.TryPop(out WriteRun? run) ? run : new WriteRun(this);

    private void DeferOnce()
    {
        if (_deferred) return;
        _deferred = true;
        loop.Defer(this);
    }
}
