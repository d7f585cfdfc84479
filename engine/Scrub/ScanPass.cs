// One pass of a scan: a part of the trees is walked, what was found is sorted by place and worked off with a
// few reads under way on each vdev. From first to last the ledger is pinned, so that no place found is given
// to something else meanwhile: an old block "repaired" into a place that was reused would destroy the new
// one.
using Cstor.Engine.Pools;

namespace Cstor.Engine.Scrub;

internal sealed class ScanPass(PoolCore pool, Checkpoint checkpoint)
{
    private const int MinimumItems = 128;

    // Lanes that wait for their turn look again so often.
    private const long ParkNanoseconds = 2_000_000;

    private readonly ScanPace _pace = new(pool.Options);
    private int _items = pool.Options.ScanPassBlocks;

    /// <summary>Planted fault: places are not kept.</summary>
    public bool IsUnpinned { get; set; }

    /// <summary>Called after the walk, before anything is read: for tests.</summary>
    public Func<ValueTask>? Gathered { get; set; }

    /// <summary>Does the part that begins at a position.</summary>
    /// <returns>
    /// Where the next one begins, or null if it was interrupted, or cut short because writers wait for the
    /// space that it keeps: then it is to be done again, in smaller parts.
    /// </returns>
    public async ValueTask<ScanPosition?> RunAsync(
        ScanPosition from, IScanWork work, Func<bool> isInterrupted)
    {
        ScanBatch batch = new(pool.Devices, _items);
        ScanWalk walk = new(pool, batch, _pace);
        if (!IsUnpinned) pool.Ledger.Pin();
        ScanPosition next = await walk.GatherAsync(checkpoint.Durable, from, work, MustStop);
        if (Gathered is not null) await Gathered();
        batch.Sort();
        List<Task> lanes = [];
        for (int vdev = 0; vdev < pool.Devices.VdevCount; vdev++)
            for (int lane = 0; lane < pool.Options.ScanWindow && batch.HasMore(vdev); lane++)
                lanes.Add(RunLaneAsync(batch, vdev, lane, work, MustStop).AsTask());
        foreach (Task lane in lanes) await lane;
        bool isWhole = !MustStop();
        if (!IsUnpinned) pool.Ledger.Unpin();
        _items = isWhole
            ? Math.Min(_items * 2, pool.Options.ScanPassBlocks)
            : Math.Max(_items / 4, Math.Min(MinimumItems, pool.Options.ScanPassBlocks));
        return isWhole ? next : null;

        // The smallest part is always done, so that there is progress on a pool that stays full.
        bool MustStop() =>
            isInterrupted() || (pool.Ledger.IsReleaseWanted && _items > MinimumItems);
    }

    private async ValueTask RunLaneAsync(
        ScanBatch batch, int vdev, int lane, IScanWork work, Func<bool> isInterrupted)
    {
        while (batch.HasMore(vdev) && !isInterrupted())
        {
            long began = pool.Loop.NowNanoseconds;
            _pace.Observe(began, pool.ForegroundRequests);
            if (lane >= _pace.Window)
            {
                await pool.Loop.DelayAsync(ParkNanoseconds);
                continue;
            }

            await work.ProcessAsync(batch.Take(vdev, _pace.RunBytes));
            long now = pool.Loop.NowNanoseconds;
            _pace.Observe(now, pool.ForegroundRequests);
            long rest = _pace.RestAfter(now - began);
            if (rest > 0) await pool.Loop.DelayAsync(rest);
        }
    }
}
