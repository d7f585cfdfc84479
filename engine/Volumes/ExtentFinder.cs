using Cstor.Engine.Host;
using Cstor.Engine.Pools;
using Cstor.Engine.Trees;
using Cstor.PoolLayout;

namespace Cstor.Engine.Volumes;

/// <summary>
/// Tells which blocks of a volume are stored and which are holes. One look is a bounded piece of work: it
/// follows blocks one by one, and leaps over what the tree has no node for. So the stretch that it finds is
/// true but not always as long as it could be.
/// </summary>
internal sealed class ExtentFinder(Volume volume, PoolCore pool)
{
    // A block looked at in nodes at hand costs some 100 ns.
    private const int MaximumSteps = 8192;

    // A leap looks through everything that awaits a checkpoint, some of it in a step.
    private const int LeapSteps = 16;
    private const int PendingPerStep = 8;

    public async ValueTask<VolumeExtent> FindAsync(long offsetBytes, long limitBytes)
    {
        if (volume.IsClosed) return new VolumeExtent(IoStatus.Closed, 0, false);
        if (offsetBytes < 0 || limitBytes <= 0 || offsetBytes > volume.SizeBytes - limitBytes)
            return new VolumeExtent(IoStatus.OutOfRange, 0, false);
        ulong first = (ulong)(offsetBytes >> volume.BlockShift);
        ulong end = (ulong)((offsetBytes + limitBytes - 1) >> volume.BlockShift) + 1;
        volume.RequestsUnderWay++;
        (IoStatus status, ulong block, bool isHole) = await WalkAsync(first, end);
        volume.RequestsUnderWay--;
        if (status != IoStatus.Ok) return new VolumeExtent(status, 0, false);
        long endBytes = Math.Min((long)block << volume.BlockShift, offsetBytes + limitBytes);
        return new VolumeExtent(IoStatus.Ok, endBytes - offsetBytes, isHole);
    }

    // Where what begins with the first block ends.
    private async ValueTask<(IoStatus Status, ulong End, bool IsHole)> WalkAsync(ulong first, ulong end)
    {
        ulong block = first;
        bool isHole = false;
        int nextLeap = 0;
        for (int steps = 0; block < end && (steps < MaximumSteps || block == first); steps++)
        {
            if (!volume.TryFind(block, out BlockPointer pointer))
            {
                IoStatus status = await pool.Trees.LoadAsync(pointer, isPassing: true);
                if (status != IoStatus.Ok) return (status, block, isHole);
                continue;
            }

            bool thisIsHole = pointer.IsHole && volume.Parts.Find(block) is null;
            if (block == first) isHole = thisIsHole;
            else if (thisIsHole != isHole) break;
            ulong leap = 0;
            if (isHole && steps >= nextLeap)
            {
                leap = Leap(block, end - block);
                int cost = LeapSteps + (volume.Pending.Count + volume.Parts.Count) / PendingPerStep;
                steps += cost;
                nextLeap = leap > 0 ? 0 : steps + cost;
            }

            block += Math.Max(leap, 1);
        }

        return (IoStatus.Ok, Math.Min(block, end), isHole);
    }

    private ulong Leap(ulong block, ulong limit)
    {
        ulong count = volume.Tree.CountUnreached(pool.Trees, block, limit);
        if (count == 0) return 0;
        BlockRange range = new(block, count);
        return volume.Pending.HasAnyIn(range) || volume.Parts.HasAnyIn(range) ? 0 : count;
    }
}
