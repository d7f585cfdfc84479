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
/// The end of the vdev is a <see cref="ReserveZone"/>; what lies before it is the open part.
/// </summary>
internal sealed class VdevSpace : IDisposable
{
    private const int WordsPerRegion = Layout.RegionSectors / 64;
    private const int ClassCount = 3;

    private readonly int[] _cursorRegion = new int[ClassCount];
    private readonly int[] _cursorBit = new int[ClassCount];
    private NativeArray<ulong> _words;

    // Of each region's open part.
    private int[] _free;

    // The shortest run that a full scan of the region did not find since its last free; 0 when unknown.
    private int[] _futile;
    private long _zoneStart;
    private long _slotStart;
    private long _zoneCursor;
    private long _slotFree;
    private long _countedSlotFree = -1;
    private int _countedSlots;

    public VdevSpace(int vdev, VdevGeometry geometry, VdevRole role, ReserveZone zone)
    {
        Vdev = vdev;
        Geometry = geometry;
        Role = role;
        SegmentSectors = ReserveZone.SegmentSectors(geometry);
        SectorCount = geometry.SectorCount;
        RegionCount = RegionsOf(SectorCount);
        _words = new NativeArray<ulong>((long)RegionCount * WordsPerRegion);
        _free = new int[RegionCount];
        _futile = new int[RegionCount];
        // Place 0:0 means "none", so sector 0 is never given out; the space map need not say so.
        Bitmap.SetRun(Region(0), 0, 1);
        Partition(zone);
    }

    public int Vdev { get; }

    /// <summary>How many sectors a block takes.</summary>
    public VdevGeometry Geometry { get; }

    public VdevRole Role { get; }

    /// <summary>What a segment of the log takes.</summary>
    public int SegmentSectors { get; }

    public long SectorCount { get; private set; }

    public int RegionCount { get; private set; }

    public long FreeSectors => OpenFreeSectors + ZoneFreeSectors + _slotFree;

    /// <summary>Free where data may go.</summary>
    public long OpenFreeSectors { get; private set; }

    /// <summary>Free in the zone, without the log's slots.</summary>
    public long ZoneFreeSectors { get; private set; }

    /// <summary>Free sectors of the open part that lie in runs of 64.</summary>
    public long RoomySectors { get; private set; }

    /// <summary>The zone, without the log's slots.</summary>
    public long ZoneSectors => _slotStart - _zoneStart;

    /// <summary>Slots for log segments that are free.</summary>
    public int FreeSlots
    {
        get
        {
            if (_countedSlotFree == _slotFree) return _countedSlots;
            _countedSlots = 0;
            for (long slot = _slotStart; slot + SegmentSectors <= SectorCount; slot += SegmentSectors)
                if (FindRun(slot, slot + SegmentSectors, SegmentSectors) >= 0)
                    _countedSlots++;
            _countedSlotFree = _slotFree;
            return _countedSlots;
        }
    }

    /// <summary>Replaces a region's bitmap by what the space map says (import).</summary>
    public void LoadRegion(int region, ReadOnlySpan<byte> bitmap)
    {
        long first = (long)region * Layout.RegionSectors;
        long end = Math.Min(SectorCount, first + Layout.RegionSectors);
        CountFree(first, end, -1);
        Span<ulong> words = Region(region);
        MemoryMarshal.Cast<byte, ulong>(bitmap).CopyTo(words);
        if (region == 0) words[0] |= 1;
        CountFree(first, end, 1);
        _futile[region] = 0;
    }

    /// <summary>The vdev has more sectors now; the zone moves to the new end.</summary>
    public void Grow(long sectorCount, ReserveZone zone)
    {
        Check.That(sectorCount >= SectorCount);
        NativeArray<ulong> old = _words;
        SectorCount = sectorCount;
        RegionCount = RegionsOf(sectorCount);
        _words = new NativeArray<ulong>((long)RegionCount * WordsPerRegion);
        for (int region = 0; region < _free.Length; region++)
            old.Span((long)region * WordsPerRegion, WordsPerRegion).CopyTo(Region(region));
        old.Dispose();
        _free = new int[RegionCount];
        _futile = new int[RegionCount];
        Partition(zone);
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
    /// Takes up to <paramref name="wanted"/> adjoining sectors of the open part, a multiple of <paramref
    /// name="unit"/>.
    /// </summary>
    /// <returns>First sector, or -1 when no run of <paramref name="unit"/> sectors is free.</returns>
    public long TryAllocate(AllocationClass purpose, int unit, int wanted, out int taken)
    {
        taken = 0;
        if (OpenFreeSectors < unit) return -1;
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

    /// <summary>Takes a run of the zone for metadata.</summary>
    /// <returns>First sector, or -1.</returns>
    public long TryAllocateInZone(int sectors)
    {
        if (ZoneFreeSectors < sectors) return -1;
        long from = _zoneCursor >= _zoneStart && _zoneCursor < _slotStart ? _zoneCursor : _zoneStart;
        long found = FindRun(from, _slotStart, sectors);
        if (found < 0) found = FindRun(_zoneStart, Math.Min(_slotStart, from + sectors), sectors);
        if (found < 0) return -1;
        Take(found, sectors);
        _zoneCursor = found + sectors;
        return found;
    }

    /// <summary>Takes a slot for a log segment; when all are taken, any run of the zone.</summary>
    /// <returns>First sector, or -1.</returns>
    public long TryAllocateSlot()
    {
        for (long slot = _slotStart; slot + SegmentSectors <= SectorCount; slot += SegmentSectors)
        {
            if (FindRun(slot, slot + SegmentSectors, SegmentSectors) < 0) continue;
            Take(slot, SegmentSectors);
            return slot;
        }

        return TryAllocateInZone(SegmentSectors);
    }

    public void Dispose() => _words.Dispose();

    private void Partition(ReserveZone zone)
    {
        _slotStart = SectorCount - ((long)zone.LogSlots * SegmentSectors);
        _zoneStart = _slotStart - zone.MetadataSectors;
        if (_zoneStart < SectorCount) _zoneStart &= -64L;
        Check.That(_zoneStart > 0);
        OpenFreeSectors = ZoneFreeSectors = RoomySectors = _slotFree = 0;
        _countedSlotFree = -1;
        Array.Fill(_cursorRegion, -1);
        Array.Clear(_cursorBit);
        for (int region = 0; region < RegionCount; region++)
        {
            long first = (long)region * Layout.RegionSectors;
            _free[region] = 0;
            CountFree(first, Math.Min(SectorCount, first + Layout.RegionSectors), 1);
        }
    }

    private long TryInRegion(int region, ref int cursor, int unit, int wanted, out int taken)
    {
        Span<ulong> words = Region(region);
        int length = OpenLength(region);
        int from = cursor;
        for (int bit = from; bit < length;)
        {
            int start = Bitmap.NextClear(words, bit, length);
            int end = Bitmap.NextSet(words, start, Math.Min(length, start + wanted));
            taken = (end - start) / unit * unit;
            if (taken > 0)
            {
                RoomySectors -= Bitmap.CountClearWords(words, start, start + taken) * 64;
                Bitmap.SetRun(words, start, taken);
                AddOpenFree(region, -taken);
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

    // First run of free sectors within a part of the zone, or -1.
    private long FindRun(long from, long end, int sectors)
    {
        long first = _zoneStart & -64L;
        Span<ulong> words = _words.Span(first >> 6, (int)(((SectorCount - first) + 63) >> 6));
        int limit = (int)(end - first);
        for (int bit = (int)(from - first); bit < limit;)
        {
            int start = Bitmap.NextClear(words, bit, limit);
            int stop = Bitmap.NextSet(words, start, Math.Min(limit, start + sectors));
            if (stop - start == sectors) return first + start;
            bit = stop + 1;
        }

        return -1;
    }

    private void ForEachPart(long sector, int count, bool taken)
    {
        Check.That(sector > 0 && count > 0 && sector + count <= SectorCount);
        while (count > 0)
        {
            int region = (int)(sector / Layout.RegionSectors);
            int bit = (int)(sector % Layout.RegionSectors);
            int part = (int)Math.Min(Math.Min(count, Layout.RegionSectors - bit), PartEnd(sector) - sector);
            Span<ulong> words = Region(region);
            bool isOpen = sector < _zoneStart;
            if (isOpen) RoomySectors -= Bitmap.CountClearWords(words, bit, bit + part) * 64;
            if (taken) Bitmap.SetRun(words, bit, part);
            else Bitmap.ClearRun(words, bit, part);
            if (isOpen) RoomySectors += Bitmap.CountClearWords(words, bit, bit + part) * 64;
            AddFree(sector, taken ? -part : part);
            if (!taken) _futile[region] = 0;
            sector += part;
            count -= part;
        }
    }

    // Adds what is free in a run within one region to the counters, or takes it away.
    private void CountFree(long first, long end, int sign)
    {
        while (first < end)
        {
            long stop = Math.Min(end, PartEnd(first));
            Span<ulong> words = Region((int)(first / Layout.RegionSectors));
            int from = (int)(first % Layout.RegionSectors);
            int length = (int)(stop - first);
            AddFree(first, sign * (length - Bitmap.CountSet(words, from, from + length)));
            if (first < _zoneStart)
                RoomySectors += sign * Bitmap.CountClearWords(words, from, from + length) * 64;
            first = stop;
        }
    }

    private long PartEnd(long sector) =>
        sector < _zoneStart ? _zoneStart : sector < _slotStart ? _slotStart : SectorCount;

    private void AddFree(long sector, int change)
    {
        if (sector >= _slotStart) _slotFree += change;
        else if (sector >= _zoneStart) ZoneFreeSectors += change;
        else AddOpenFree((int)(sector / Layout.RegionSectors), change);
    }

    private void AddOpenFree(int region, int change)
    {
        _free[region] += change;
        OpenFreeSectors += change;
    }

    private Span<ulong> Region(int region) => _words.Span((long)region * WordsPerRegion, WordsPerRegion);

    private int OpenLength(int region) => (int)Math.Clamp(
        _zoneStart - ((long)region * Layout.RegionSectors), 0, Layout.RegionSectors);

    private static int RegionsOf(long sectorCount) =>
        (int)((sectorCount + Layout.RegionSectors - 1) / Layout.RegionSectors);
}
