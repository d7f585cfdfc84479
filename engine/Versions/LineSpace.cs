using Cstor.Engine.Volumes;

namespace Cstor.Engine.Versions;

/// <summary>
/// What the versions of a line take together. Each version answers for the sectors of which it is the oldest
/// holder, so the lines' sums add up to what all trees take, with nothing counted twice.
/// </summary>
/// <param name="UsedSectors">Of the volume and its snapshots.</param>
/// <param name="SnapshotSectors">Of that, what the volume itself does not hold any more. Of a clone it is an
/// upper bound: what it dropped of its origin while its own snapshots still showed it is counted too.</param>
/// <param name="Snapshots">How many there are.</param>
internal readonly record struct LineSpace(long UsedSectors, long SnapshotSectors, int Snapshots)
{
    public static LineSpace Of(Volume volume)
    {
        long used = volume.OwnSectors;
        long dropped = 0;
        int count = 0;
        foreach (Dataset? other in volume.Pool.Slots)
        {
            if (other is null || other.LineOwner != volume) continue;
            // What was dropped from another line's snapshot is that line's.
            if (other.Previous?.Owner == volume) dropped += other.Record.DroppedSectors;
            if (other is not Snapshot) continue;
            used += other.OwnSectors;
            if (!other.Record.IsDestroying) count++;
        }

        return new LineSpace(used, Math.Min(dropped, used), count);
    }
}
