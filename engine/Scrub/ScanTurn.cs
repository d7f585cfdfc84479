// In which order a scan takes the datasets. What a version shares with the one before it is looked at there
// and nowhere else; so the one before must come first, and nothing that comes, goes or changes places
// meanwhile may make a block fall between two versions:
//
// 1. Snapshots that existed when the scan began, by age. Each passes over what the one before it holds. If
//    that one was destroyed in between, this one covers its part, as far as the pass has not gone by then;
//    before that, the other one had been looked at.
// 2. Volumes, by slot. Each passes over what its newest snapshot of the first kind holds: of those made since
//    nothing has been looked at.
// 3. Snapshots made since, by age, for blocks that their volume had dropped before its turn came, and before
//    them volumes being destroyed, which may be what a rollback has left of one of the second kind. Again,
//    only snapshots of the first kind count as looked at.
using Cstor.Engine.Pools;
using Cstor.Engine.Versions;

namespace Cstor.Engine.Scrub;

/// <summary>When a dataset's turn is.</summary>
/// <param name="Kind">1 to 3, see above.</param>
/// <param name="Epoch">Of a snapshot; 0 of a volume.</param>
/// <param name="Slot">In the dataset table.</param>
/// <param name="Birth">Birth epoch of the dataset, which tells it from others that had the slot.</param>
internal readonly record struct ScanTurn(int Kind, ulong Epoch, uint Slot, ulong Birth)
{
    /// <summary>The first dataset behind a turn; null if there is none.</summary>
    public static ScanTurn? After(ScanTurn? turn, PoolCore pool, ulong startEpoch)
    {
        ScanTurn? next = null;
        foreach (Dataset? dataset in pool.Slots)
        {
            if (dataset is null) continue;
            ScanTurn its = Of(dataset, startEpoch);
            if (turn is { } last && its.CompareTo(last) <= 0) continue;
            if (next is null || its.CompareTo(next.Value) < 0) next = its;
        }

        return next;
    }

    /// <summary>The turn of the dataset in a slot, if it is still the one that it was; else null.</summary>
    public static ScanTurn? At(uint slot, ulong birth, PoolCore pool, ulong startEpoch) =>
        slot < pool.Slots.Count && pool.Slots[(int)slot] is { } dataset && dataset.Record.BirthEpoch == birth
            ? Of(dataset, startEpoch)
            : null;

    /// <summary>Last epoch of what was looked at before in another dataset.</summary>
    public static ulong FloorOf(Dataset dataset, ulong startEpoch)
    {
        bool isFirstKind = Of(dataset, startEpoch).Kind == 1;
        Snapshot? before = dataset.Previous;
        while (before is not null
            && (before.Record.IsDestroying || (!isFirstKind && before.Epoch > startEpoch)))
            before = before.Previous;
        return before?.Epoch ?? 0;
    }

    private static ScanTurn Of(Dataset dataset, ulong startEpoch)
    {
        ulong epoch = dataset.Record.SnapshotEpoch;
        bool isLate = dataset is Snapshot ? epoch > startEpoch : dataset.Record.IsDestroying;
        int kind = isLate ? 3 : dataset is Snapshot ? 1 : 2;
        return new ScanTurn(kind, epoch, dataset.Slot, dataset.Record.BirthEpoch);
    }

    private int CompareTo(ScanTurn other) =>
        (Kind, Epoch, Slot).CompareTo((other.Kind, other.Epoch, other.Slot));
}
