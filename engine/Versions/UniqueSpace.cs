using Cstor.Engine.Host;
using Cstor.Engine.Pools;
using Cstor.Engine.Trees;
using Cstor.PoolLayout;

namespace Cstor.Engine.Versions;

/// <summary>
/// What destroying a run of snapshots would give back: what was born after the version before the run and is
/// in no version behind it. Found by comparing trees, as their destruction would; remembered as long as the
/// trees are the same.
/// </summary>
internal sealed class UniqueSpace(PoolCore pool)
{
    private const int MostRemembered = 100_000;

    private readonly Dictionary<(uint Slot, BlockPointer Next, ulong Floor), long> _known = [];

    /// <summary>Sectors that only this snapshot holds at the last checkpoint; null if not readable.</summary>
    public async ValueTask<long?> OfAsync(Snapshot snapshot)
    {
        TreeRoot next = RootBehind(snapshot);
        var key = (snapshot.Slot, next.Pointer, snapshot.Floor.Epoch);
        if (_known.TryGetValue(key, out long known)) return known;
        long? sectors = await SumAsync(snapshot.Root, next, snapshot.Floor.Epoch);
        if (_known.Count >= MostRemembered) _known.Clear();
        if (sectors is { } found) _known[key] = found;
        return sectors;
    }

    /// <summary>Sectors that only the snapshots from the first to the last one of a line hold.</summary>
    public async ValueTask<long?> OfRunAsync(Snapshot first, Snapshot last)
    {
        long sum = 0;
        TreeRoot behind = RootBehind(last);
        for (Snapshot? snapshot = last; snapshot is not null; snapshot = snapshot.Previous)
        {
            // Each block counts in the newest of them that holds it.
            if (await SumAsync(snapshot.Root, behind, first.Floor.Epoch) is not { } sectors) return null;
            sum += sectors;
            if (snapshot == first) return sum;
            behind = snapshot.Root;
        }

        return null;
    }

    private async ValueTask<long?> SumAsync(TreeRoot tree, TreeRoot behind, ulong floor)
    {
        Sum sum = new(floor);
        TreeDifference difference = new(pool.Loop, pool.Trees);
        return await difference.WalkAsync(tree, behind, 0, sum) == IoStatus.Ok ? sum.Sectors : null;
    }

    private TreeRoot RootBehind(Snapshot snapshot)
    {
        foreach (Dataset? other in pool.Slots)
            if (other is not null && other.Previous == snapshot && other.LineOwner == snapshot.Owner)
                return other.Root;
        return TreeRoot.Empty;
    }

    private sealed class Sum(ulong floor) : IDifferenceVisitor
    {
        public long Sectors { get; private set; }

        public ValueTask<Descent> VisitAsync(
            int level, ulong first, BlockPointer older, BlockPointer newer)
        {
            bool isOwn = !older.IsHole && older.BirthEpoch > floor;
            if (isOwn) Sectors += older.AllocatedSectors;
            return new ValueTask<Descent>(isOwn ? Descent.Enter : Descent.Skip);
        }
    }
}
