using Cstor.Engine.Memory;
using Cstor.Engine.Space;
using Cstor.PoolLayout;

namespace Cstor.Engine.Checking;

/// <summary>Which sectors something leads to, and which the space map says are in use.</summary>
internal sealed class SectorClaims : IDisposable
{
    private readonly NativeArray<ulong>[] _claimed;
    private readonly NativeArray<ulong>[] _mapped;
    private readonly long[] _sectorCounts;

    public SectorClaims(long[] sectorCounts)
    {
        _sectorCounts = sectorCounts;
        _claimed = [.. sectorCounts.Select(static count => new NativeArray<ulong>((count + 63) / 64))];
        _mapped = [.. sectorCounts.Select(static count => new NativeArray<ulong>((count + 63) / 64))];
    }

    /// <summary>Claims a run for one owner.</summary>
    /// <returns>Reason why that cannot be, or null.</returns>
    public string? Claim(BlockPlace place, int sectors)
    {
        if (!IsInside(place, sectors)) return $"{place} +{sectors} is outside its vdev";
        string? reason = null;
        for (long sector = place.Sector; sector < place.Sector + sectors; sector++)
        {
            ref ulong word = ref _claimed[place.Vdev][sector >> 6];
            ulong mask = 1UL << (int)(sector & 63);
            if ((word & mask) != 0) reason = $"sector {place.Vdev}:{sector} has two owners";
            word |= mask;
        }

        return reason;
    }

    /// <summary>What the space map says of a run.</summary>
    public string? Map(BlockPlace place, int sectors, bool isAllocated)
    {
        if (!IsInside(place, sectors)) return $"space log names {place} +{sectors} outside its vdev";
        for (long sector = place.Sector; sector < place.Sector + sectors; sector++)
        {
            ref ulong word = ref _mapped[place.Vdev][sector >> 6];
            ulong mask = 1UL << (int)(sector & 63);
            word = isAllocated ? word | mask : word & ~mask;
        }

        return null;
    }

    /// <summary>A region's bitmap.</summary>
    public void MapRegion(int vdev, int region, ReadOnlySpan<ulong> words)
    {
        long first = (long)region * Layout.RegionSectors / 64;
        int count = (int)Math.Min(words.Length, _mapped[vdev].Length - first);
        words[..count].CopyTo(_mapped[vdev].Span(first, count));
    }

    /// <summary>Compares both views and counts what is claimed.</summary>
    public void Compare(CheckReport report)
    {
        for (int vdev = 0; vdev < _claimed.Length; vdev++)
        {
            for (long word = 0; word < _claimed[vdev].Length; word++)
            {
                ulong claimed = _claimed[vdev][word];
                ulong mapped = _mapped[vdev][word];
                report.Sectors += System.Numerics.BitOperations.PopCount(claimed);
                if (claimed == mapped) continue;
                Describe(report, vdev, word * 64, mapped & ~claimed,
                    "is leaked: allocated, but nothing leads to it");
                Describe(report, vdev, word * 64, claimed & ~mapped,
                    "is in use, but the space map calls it free");
            }
        }
    }

    public void Dispose()
    {
        foreach (NativeArray<ulong> words in _claimed) words.Dispose();
        foreach (NativeArray<ulong> words in _mapped) words.Dispose();
    }

    private bool IsInside(BlockPlace place, int sectors) =>
        !place.IsNone && place.Vdev < _sectorCounts.Length && sectors > 0
        && place.Sector + sectors <= _sectorCounts[place.Vdev];

    private static void Describe(CheckReport report, int vdev, long firstSector, ulong bits, string what)
    {
        Span<ulong> word = [bits];
        for (int bit = Bitmap.NextSet(word, 0, 64); bit < 64; bit = Bitmap.NextSet(word, bit + 1, 64))
            report.Add($"sector {vdev}:{firstSector + bit} {what}");
    }
}
