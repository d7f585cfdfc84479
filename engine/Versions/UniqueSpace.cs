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
/// <remarks>
/// The version behind may be a volume in use. Its tree is walked as it is when the walk begins, and the
/// ledger is pinned meanwhile, so that no place of it gets other contents. Whoever needs the space that is
/// kept so ends the walk, and so does the closing of the pool: then nobody knows.
/// </remarks>
internal sealed class UniqueSpace(PoolCore pool)
{
    private const int MostRemembered = 100_000;
    private const long PauseNanoseconds = 1_000_000;

    private readonly Dictionary<(Guid Id, BlockPointer Next, ulong Floor), long> _known = [];
    private int _walks;
    private bool _isClosed;

    /// <summary>Sectors that only this snapshot holds at the last checkpoint; null if not known.</summary>
    public async ValueTask<long?> OfAsync(Snapshot snapshot)
    {
        var key = (snapshot.Id, RootBehind(snapshot).Pointer, snapshot.Floor.Epoch);
        if (_known.TryGetValue(key, out long known)) return known;
        long? sectors = await OfRunAsync(snapshot, snapshot);
        if (_known.Count >= MostRemembered) _known.Clear();
        if (sectors is { } found) _known[key] = found;
        return sectors;
    }

    /// <summary>
    /// Sectors that only the snapshots from the first to the last one of a line hold; null if not known.
    /// </summary>
    public async ValueTask<long?> OfRunAsync(Snapshot first, Snapshot last)
    {
        if (_isClosed) return null;
        _walks++;
        pool.Ledger.Pin();
        // Roots as of the pin; each block counts in the newest snapshot that holds it.
        List<TreeRoot> roots = [RootBehind(last)];
        Snapshot? snapshot = last;
        for (; snapshot is not null && !snapshot.IsClosed; snapshot = snapshot.Previous)
        {
            roots.Add(snapshot.Root);
            if (snapshot == first) break;
        }

        ulong floor = first.Floor.Epoch;
        long? sum = snapshot == first ? 0 : null;
        for (int i = 1; i < roots.Count && sum is not null; i++)
            sum += await SumAsync(roots[i], roots[i - 1], floor);
        pool.Ledger.Unpin();
        _walks--;
        return sum;
    }

    /// <summary>Completes when nobody walks any more.</summary>
    public async ValueTask CloseAsync()
    {
        _isClosed = true;
        while (_walks > 0) await pool.Loop.DelayAsync(PauseNanoseconds);
    }

    private async ValueTask<long?> SumAsync(TreeRoot tree, TreeRoot behind, ulong floor)
    {
        Sum sum = new(this, floor);
        TreeDifference difference = new(pool.Loop, pool.Trees);
        IoStatus status = await difference.WalkAsync(tree, behind, 0, sum);
        return status == IoStatus.Ok && !MustStop ? sum.Sectors : null;
    }

    private bool MustStop => _isClosed || pool.Stopped != IoStatus.Ok || pool.Ledger.IsReleaseWanted;

    private TreeRoot RootBehind(Snapshot snapshot)
    {
        foreach (Dataset? other in pool.Slots)
            if (other is not null && other.Previous == snapshot && other.LineOwner == snapshot.Owner)
                return other.Root;
        return TreeRoot.Empty;
    }

    private sealed class Sum(UniqueSpace space, ulong floor) : IDifferenceVisitor
    {
        public long Sectors { get; private set; }

        public ValueTask<Descent> VisitAsync(
            int level, ulong first, BlockPointer older, BlockPointer newer)
        {
            if (space.MustStop) return new ValueTask<Descent>(Descent.Stop);
            bool isOwn = !older.IsHole && older.BirthEpoch > floor;
            if (isOwn) Sectors += older.AllocatedSectors;
            return new ValueTask<Descent>(isOwn ? Descent.Enter : Descent.Skip);
        }
    }
}
