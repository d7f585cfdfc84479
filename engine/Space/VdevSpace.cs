using System.Runtime.InteropServices;
using Cstor.Engine.Memory;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Labels;
using Cstor.Raid;

namespace Cstor.Engine.Space;

/// <summary>
/// Which sectors of one top-level vdev are taken: a bitmap of 128 MiB regions. Taken means in use by the
/// durable tree, by a write under way, by the log, or freed but still referred to by a durable root.
/// Allocation fills the emptiest region from its start, so that writes which arrive together lie together.
/// </summary>
internal sealed class VdevSpace : IDisposable
{
    private const int WordsPerRegion = Layout.RegionSectors / 64;
    private const int ClassCount = 3;

    private readonly NativeArray<ulong> _words;
    private readonly int[] _free;

    // The shortest run that a full scan of the region did not find since its last free; 0 when unknown.
    private readonly int[] _futile;
    private readonly int[] _cursorRegion = new int[ClassCount];
    private readonly int[] _cursorBit = new int[ClassCount];

    public VdevSpace(int vdev, VdevGeometry geometry, VdevRole role)
    {
        long sectorCount = geometry.SectorCount;
        Vdev = vdev;
        Geometry = geometry;
        Role = role;
        SectorCount = sectorCount;
        RegionCount = (int)((sectorCount + Layout.RegionSectors - 1) / Layout.RegionSectors);
        _words = new NativeArray<ulong>((long)RegionCount * WordsPerRegion);
        _free = new int[RegionCount];
        _futile = new int[RegionCount];
        Array.Fill(_cursorRegion, -1);
        for (int region = 0; region < RegionCount; region++)
            _free[region] = RegionLength(region);
        FreeSectors = sectorCount;
        ReserveFirstSector();
    }

    public int Vdev { get; }

    /// <summary>How many sectors a block takes.</summary>
    public VdevGeometry Geometry { get; }

    public VdevRole Role { get; }

    public long SectorCount { get; }

    public int RegionCount { get; }

    public long FreeSectors { get; private set; }

    /// <summary>Replaces a region's bitmap by what the space map says (import).</summary>
    public void LoadRegion(int region, ReadOnlySpan<byte> bitmap)
    {
        Span<ulong> words = Region(region);
        FreeSectors -= _free[region];
        MemoryMarshal.Cast<byte, ulong>(bitmap).CopyTo(words);
        _free[region] = RegionLength(region) - Bitmap.CountSet(words);
        FreeSectors += _free[region];
        _futile[region] = 0;
        if (region == 0 && !Bitmap.IsSet(words, 0)) ReserveFirstSector();
    }

    public bool IsTaken(long sector) =>
        Bitmap.IsSet(Region((int)(sector / Layout.RegionSectors)), (int)(sector % Layout.RegionSectors));

    /// <summary>Takes a known run (import, replay).</summary>
    public void Take(long sector, int count) => ForEachPart(sector, count, taken: true);

    /// <summary>Returns a run.</summary>
    public void Release(long sector, int count) => ForEachPart(sector, count, taken: false);

    /// <summary>
    /// Makes a run taken or free, whatever it was (import: the space log over the space map).
    /// </summary>
    public void Assign(long sector, int count, bool taken)
    {
        for (long at = sector; at < sector + count; at++)
            if (IsTaken(at) != taken)
                ForEachPart(at, 1, taken);
    }

    /// <summary>
    /// Takes up to <paramref name="wanted"/> adjoining sectors, a multiple of <paramref name="unit"/>.
    /// </summary>
    /// <returns>First sector, or -1 when no run of <paramref name="unit"/> sectors is free.</returns>
    public long TryAllocate(AllocationClass purpose, int unit, int wanted, out int taken)
    {
        taken = 0;
        if (FreeSectors < unit) return -1;
        ref int region = ref _cursorRegion[(int)purpose];
        while (true)
        {
            if (region < 0 && (region = EmptiestRegion(purpose, unit)) < 0) return -1;
            long sector = TryInRegion(region, ref _cursorBit[(int)purpose], unit, wanted, out taken);
            if (sector >= 0) return sector;
            region = -1;
            _cursorBit[(int)purpose] = 0;
        }
    }

    public void Dispose() => _words.Dispose();

    // Place 0:0 means "none", so sector 0 is never given out; the space map need not say so.
    private void ReserveFirstSector()
    {
        Bitmap.SetRun(Region(0), 0, 1);
        _free[0]--;
        FreeSectors--;
    }

    private long TryInRegion(int region, ref int cursor, int unit, int wanted, out int taken)
    {
        Span<ulong> words = Region(region);
        int length = RegionLength(region);
        int from = cursor;
        for (int bit = from; bit < length;)
        {
            int start = Bitmap.NextClear(words, bit, length);
            int end = Bitmap.NextSet(words, start, Math.Min(length, start + wanted));
            taken = (end - start) / unit * unit;
            if (taken > 0)
            {
                Bitmap.SetRun(words, start, taken);
                _free[region] -= taken;
                FreeSectors -= taken;
                cursor = start + taken;
                return ((long)region * Layout.RegionSectors) + start;
            }

            bit = end + 1;
        }

        if (from == 0) _futile[region] = unit;
        taken = 0;
        return -1;
    }

    // A region that another class is filling is taken only when there is no other.
    private int EmptiestRegion(AllocationClass purpose, int unit)
    {
        int best = -1;
        int bestFree = 0;
        for (int region = 0; region < _free.Length; region++)
        {
            int free = _free[region];
            if (free < unit || (_futile[region] != 0 && _futile[region] <= unit)) continue;
            if (IsFilledByAnother(region, purpose)) free = (free / 16) + 1;
            if (free <= bestFree) continue;
            best = region;
            bestFree = free;
        }

        return best;
    }

    private bool IsFilledByAnother(int region, AllocationClass purpose)
    {
        for (int other = 0; other < ClassCount; other++)
            if (other != (int)purpose && _cursorRegion[other] == region)
                return true;
        return false;
    }

    private void ForEachPart(long sector, int count, bool taken)
    {
        Check.That(sector > 0 && count > 0 && sector + count <= SectorCount);
        while (count > 0)
        {
            int region = (int)(sector / Layout.RegionSectors);
            int bit = (int)(sector % Layout.RegionSectors);
            int part = Math.Min(count, Layout.RegionSectors - bit);
            if (taken) Bitmap.SetRun(Region(region), bit, part);
            else Bitmap.ClearRun(Region(region), bit, part);
            int change = taken ? -part : part;
            _free[region] += change;
            FreeSectors += change;
            if (!taken) _futile[region] = 0;
            sector += part;
            count -= part;
        }
    }

    private Span<ulong> Region(int region) => _words.Span((long)region * WordsPerRegion, WordsPerRegion);

    private int RegionLength(int region) =>
        (int)Math.Min(Layout.RegionSectors, SectorCount - ((long)region * Layout.RegionSectors));
}
