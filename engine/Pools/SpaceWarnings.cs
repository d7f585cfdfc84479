using System.Globalization;
using Cstor.Engine.Space;
using Cstor.Engine.Versions;
using Cstor.Engine.Volumes;
using Cstor.PoolLayout;

namespace Cstor.Engine.Pools;

/// <summary>
/// Notices when the space that is left for a volume runs short: its property warn-at says from which share in
/// use on. It is said once, and again only after the share was clearly below.
/// </summary>
internal sealed class SpaceWarnings(PoolCore pool)
{
    private const int ClearlyBelowPercent = 2;

    /// <summary>Settings may have changed.</summary>
    public void Refresh()
    {
        foreach (Dataset? dataset in pool.Slots)
            if (dataset is Volume volume)
                volume.WarnAtPercent = VolumeProperties.WarnAtPercent(volume.Record);
    }

    /// <summary>Looks at all volumes.</summary>
    public void Look()
    {
        foreach (Dataset? dataset in pool.Slots)
        {
            if (dataset is not Volume { IsClosed: false } volume) continue;
            if (volume.WarnAtPercent > 0) Look(volume, volume.WarnAtPercent);
            else volume.IsSpaceShort = false;
        }
    }

    /// <summary>What is short now, in words; or nothing.</summary>
    public string Describe()
    {
        Volume[] warned = [.. pool.Slots.OfType<Volume>()
            .Where(static volume => volume is { IsSpaceShort: true, IsClosed: false })];
        if (warned.Length == 0) return "";
        string names = string.Join(", ", warned.Select(static volume =>
            string.Create(CultureInfo.InvariantCulture, $"{volume.Name} ({volume.WarnAtPercent}%)")));
        return $"space runs short: more is in use than warn-at says for {names}. "
            + "Destroy what is not needed, or add space with: cstor pool add";
    }

    /// <summary>Room for the blocks of one volume: see <see cref="VolumeRoom"/>.</summary>
    public VolumeRoom RoomFor(Volume volume)
    {
        long total = Math.Max(1, pool.Allocator.TotalSectors);
        long warnAt = volume.WarnAtPercent == 0 ? 0 : total / 100 * (100 - volume.WarnAtPercent);
        return new VolumeRoom(
            BlocksIn(volume, FreeFor(volume.Guarantee, total)) * volume.BlockSizeBytes,
            volume.Tree.Durable.MappedBlocks * volume.BlockSizeBytes,
            BlocksIn(volume, warnAt) * volume.BlockSizeBytes);
    }

    private long BlocksIn(Volume volume, long sectors) =>
        sectors / pool.Allocator.MostSectorsOf(volume.BlockSizeBytes >> Layout.SectorShift);

    private void Look(Volume volume, int limit)
    {
        int used = UsedPercent(volume.Guarantee);
        if (volume.IsSpaceShort && used < limit - ClearlyBelowPercent)
        {
            volume.IsSpaceShort = false;
            PoolLog.SpaceAgain(pool.Logger, volume.Name, used);
        }
        else if (!volume.IsSpaceShort && used >= limit)
        {
            volume.IsSpaceShort = true;
            volume.SpaceWarnings++;
            PoolLog.SpaceShort(pool.Logger, volume.Name, used, limit);
        }
    }

    // Of the pool's space, what this volume cannot take.
    private int UsedPercent(SpaceGuarantee own)
    {
        long total = Math.Max(1, pool.Allocator.TotalSectors);
        return 100 - (int)(FreeFor(own, total) * 100 / total);
    }

    // What awaits a checkpoint will be free.
    private long FreeFor(SpaceGuarantee own, long total)
    {
        SpaceAllocator space = pool.Allocator;
        long free = space.FreeForDataSectors + pool.Ledger.ComingSectors
            - space.GuaranteedSectors + own.UnusedSectors;
        return Math.Clamp(free, 0, total);
    }
}
