using Cstor.PoolLayout;
using Cstor.PoolLayout.Labels;
using Cstor.Raid;

namespace Cstor.Engine.Space;

/// <summary>
/// The free space of a pool: one <see cref="VdevSpace"/> per top-level vdev. Data takes the data vdevs in
/// turns of half a megabyte in proportion to what is free; metadata goes to the emptiest ones, into their
/// <see cref="ReserveZone"/> only when there is no room before it. Log vdevs hold the commit log and nothing
/// else, and the log goes elsewhere only when they have no room for it.
/// </summary>
internal sealed class SpaceAllocator : IDisposable
{
    private const int TurnSectors = 128;

    // What one gathered write takes at the most.
    private const int MaximumRunSectors = 512;

    // Stands for "a segment of the log" where a number of physical sectors is asked for.
    private const int Segment = 0;

    private const int NodeSectors = Layout.NodeBytes / Layout.SectorBytes;

    private readonly List<VdevSpace> _vdevs = [];
    private readonly List<double> _credit = [];
    private int _turnVdev = -1;
    private int _turnLeft;

    /// <summary>Sectors of all data vdevs, parity and padding included.</summary>
    public long TotalSectors { get; private set; }

    public int VdevCount => _vdevs.Count;

    /// <summary>What a tree node takes at the most, both copies.</summary>
    public int NodeCopiesSectors { get; private set; }

    /// <summary>Asked before a log segment goes to a log vdev: whether its devices can take it.</summary>
    public Func<int, bool> IsUsable { get; set; } = static _ => true;

    /// <summary>
    /// Asked when there is no room but in the zones: whether something that was held became free.
    /// </summary>
    public Func<bool> MakeRoom { get; set; } = static () => false;

    /// <summary>Free on data vdevs.</summary>
    public long FreeSectors
    {
        get
        {
            long free = 0;
            foreach (VdevSpace vdev in _vdevs) free += vdev.Role == VdevRole.Data ? vdev.FreeSectors : 0;
            return free;
        }
    }

    /// <summary>Kept for data that was taken in and has no place yet.</summary>
    public long ReservedForDataSectors { get; set; }

    /// <summary>What a checkpoint will need for changes in memory; data leaves it alone.</summary>
    public long ClaimedForMetadataSectors { get; set; }

    /// <summary>
    /// Space that data may still take. What metadata has taken of the zones is owed to them, and none is left
    /// when less than half of the zones' size is fit for nodes: unmap and destroy need that.
    /// </summary>
    public long FreeForDataSectors
    {
        get
        {
            long free = -ClaimedForMetadataSectors - ReservedForDataSectors;
            long zone = 0;
            foreach (VdevSpace vdev in _vdevs)
            {
                if (vdev.Role != VdevRole.Data) continue;
                free += vdev.OpenFreeSectors + vdev.ZoneFreeSectors - vdev.ZoneSectors;
                zone += vdev.ZoneSectors;
            }

            return RoomForMetadataSectors < zone / 2 ? 0 : Math.Max(0, free);
        }
    }

    /// <summary>
    /// Sectors that nodes find for certain: in the zones, and half of what is free in long runs.
    /// </summary>
    public long RoomForMetadataSectors
    {
        get
        {
            long room = 0;
            foreach (VdevSpace vdev in _vdevs)
                if (vdev.Role == VdevRole.Data)
                    room += vdev.ZoneFreeSectors + (vdev.RoomySectors / 2);
            return room;
        }
    }

    /// <summary>Segments of the log, two copies each, that surely find room.</summary>
    public int SpareSegments
    {
        get
        {
            int slots = 0;
            foreach (VdevSpace vdev in _vdevs) slots += vdev.FreeSlots;
            return slots / 2;
        }
    }

    /// <summary>Sectors that a block takes on whichever data vdev it comes to.</summary>
    /// <param name="physicalSectors">Sectors of its physical bytes.</param>
    public int MostSectorsOf(int physicalSectors)
    {
        int most = 0;
        foreach (VdevSpace vdev in _vdevs)
            if (vdev.Role == VdevRole.Data)
                most = Math.Max(most, SectorsOn(vdev, physicalSectors));
        return most;
    }

    public VdevSpace Vdev(int vdev) => _vdevs[vdev];

    /// <summary>Takes the next top-level vdev in, all of it free.</summary>
    public void AddVdev(VdevGeometry geometry, VdevRole role)
    {
        ReserveZone zone = ReserveZone.For(geometry, role, geometry.SectorCount);
        _vdevs.Add(new VdevSpace(_vdevs.Count, geometry, role, zone));
        _credit.Add(0);
        if (role != VdevRole.Data) return;
        TotalSectors += geometry.SectorCount;
        NodeCopiesSectors = Math.Max(NodeCopiesSectors, 2 * geometry.AllocatedSectors(NodeSectors));
    }

    /// <summary>A vdev has more sectors now, all of the new ones free.</summary>
    public void Grow(int vdev, long sectorCount)
    {
        VdevSpace space = _vdevs[vdev];
        if (space.Role == VdevRole.Data) TotalSectors += sectorCount - space.SectorCount;
        space.Grow(sectorCount, ReserveZone.For(space.Geometry, space.Role, sectorCount));
    }

    /// <summary>Sectors that a block takes at a place, parity and padding included.</summary>
    /// <param name="place">On a known vdev.</param>
    /// <param name="physicalSectors">Sectors of its physical bytes.</param>
    public int SectorsOf(BlockPlace place, int physicalSectors) =>
        SectorsOn(_vdevs[place.Vdev], physicalSectors);

    /// <summary>Sectors that all copies of a block take: what its pointer must say.</summary>
    public int SectorsOf(BlockPlace place0, BlockPlace place1, int physicalSectors) =>
        SectorsOf(place0, physicalSectors) + (place1.IsNone ? 0 : SectorsOf(place1, physicalSectors));

    /// <summary>Sectors that a copy of a log segment takes at a place.</summary>
    public int SegmentSectorsOf(BlockPlace place) => _vdevs[place.Vdev].SegmentSectors;

    /// <summary>Reason why a pointer from disk cannot belong to this pool, or null. No hole.</summary>
    public string? ReasonAgainst(in BlockPointer pointer)
    {
        if (!IsInside(pointer.Place0, pointer.PhysicalSectors))
            return $"place {pointer.Place0} is outside the pool";
        if (!pointer.Place1.IsNone && !IsInside(pointer.Place1, pointer.PhysicalSectors))
            return $"place {pointer.Place1} is outside the pool";
        int sectors = SectorsOf(pointer.Place0, pointer.Place1, pointer.PhysicalSectors);
        return sectors == pointer.AllocatedSectors
            ? null
            : $"{pointer.AllocatedSectors} sectors allocated, its places take {sectors}";
    }

    public void Take(BlockPlace place, int sectors) => _vdevs[place.Vdev].Take(place.Sector, sectors);

    public void Release(BlockPlace place, int sectors) => _vdevs[place.Vdev].Release(place.Sector, sectors);

    public bool IsTaken(BlockPlace place) => _vdevs[place.Vdev].IsTaken(place.Sector);

    /// <summary>Takes room for blocks of data that follow one another.</summary>
    /// <param name="physicalSectors">Sectors of each block's physical bytes.</param>
    /// <param name="wanted">Blocks at most.</param>
    /// <param name="isReserved">They were counted in <see cref="ReservedForDataSectors"/>.</param>
    /// <param name="place">Of the first; each next one lies as many sectors behind as a block takes
    /// there.</param>
    /// <param name="taken">Blocks that have room now, at least one.</param>
    public bool TryAllocateData(
        int physicalSectors, int wanted, bool isReserved, out BlockPlace place, out int taken)
    {
        while (!TryTakeData(physicalSectors, wanted, isReserved, out place, out taken))
            if (!MakeRoom()) return false;
        return true;
    }

    private bool TryTakeData(
        int physicalSectors, int wanted, bool isReserved, out BlockPlace place, out int taken)
    {
        place = default;
        taken = 0;
        for (int attempt = 0; attempt <= _vdevs.Count; attempt++)
        {
            if (_turnVdev < 0 || _turnLeft < SectorsOn(_vdevs[_turnVdev], physicalSectors))
                NextTurn(physicalSectors);
            if (_turnVdev < 0) return false;
            VdevSpace vdev = _vdevs[_turnVdev];
            int unit = SectorsOn(vdev, physicalSectors);
            long free = FreeForDataSectors + (isReserved ? ReservedForDataSectors : 0);
            if (free < unit) return false;
            int most = Math.Min(wanted, MaximumRunSectors / unit) * unit;
            most = (int)Math.Max(unit, Math.Min(Math.Min(most, _turnLeft), free));
            long sector = vdev.TryAllocate(AllocationClass.Data, unit, most, out int sectors);
            _turnLeft -= sectors;
            if (sector < 0)
            {
                _turnLeft = 0;
                _credit[_turnVdev] -= 1;
                continue;
            }

            place = new BlockPlace(_turnVdev, sector);
            taken = sectors / unit;
            return true;
        }

        return false;
    }

    /// <summary>
    /// Takes the two copies of a piece of metadata, on different vdevs where there are several with room.
    /// </summary>
    /// <param name="physicalSectors">Sectors of its physical bytes.</param>
    /// <param name="place0">First copy.</param>
    /// <param name="place1">Second copy.</param>
    /// <returns>
    /// False when the pool is full to the last sector: a bug of the reserve, or a pool of absurd size.
    /// </returns>
    public bool TryAllocateMetadata(int physicalSectors, out BlockPlace place0, out BlockPlace place1) =>
        TryAllocateCopies(physicalSectors, VdevRole.Data, out place0, out place1);

    /// <summary>Takes the two copies of a log segment.</summary>
    public bool TryAllocateSegment(out BlockPlace place0, out BlockPlace place1) =>
        TryAllocateCopies(Segment, VdevRole.Log, out place0, out place1)
        || TryAllocateCopies(Segment, VdevRole.Data, out place0, out place1);

    public void Dispose()
    {
        foreach (VdevSpace vdev in _vdevs) vdev.Dispose();
    }

    private static int SectorsOn(VdevSpace vdev, int physicalSectors) => physicalSectors == Segment
        ? vdev.SegmentSectors
        : vdev.Geometry.AllocatedSectors(physicalSectors);

    private bool TryAllocateCopies(
        int physicalSectors, VdevRole role, out BlockPlace place0, out BlockPlace place1)
    {
        place1 = default;
        if (!TryPlace(AllocationClass.Metadata, physicalSectors, role, -1, out place0)) return false;
        if (TryPlace(AllocationClass.MetadataCopy, physicalSectors, role, place0.Vdev, out place1))
            return true;
        Release(place0, SectorsOf(place0, physicalSectors));
        return false;
    }

    // The open parts of all vdevs before any zone, the avoided vdev after the others.
    private bool TryPlace(AllocationClass purpose, int physicalSectors, VdevRole role, int avoid,
        out BlockPlace place)
    {
        do
        {
            if (TryOpen(purpose, physicalSectors, role, avoid, out place)
                || (avoid >= 0 && TryOpenOn(avoid, purpose, physicalSectors, out place)))
                return true;
        }
        while (MakeRoom());

        return TryZone(physicalSectors, role, avoid, out place)
            || (avoid >= 0 && TryZoneOn(avoid, physicalSectors, out place));
    }

    private bool TryOpen(
        AllocationClass purpose, int physicalSectors, VdevRole role, int avoid, out BlockPlace place)
    {
        place = default;
        int preferred = MostFree(role, avoid);
        for (int i = 0; preferred >= 0 && i < _vdevs.Count; i++)
        {
            int vdev = (preferred + i) % _vdevs.Count;
            if (vdev != avoid && IsFor(vdev, role) && TryOpenOn(vdev, purpose, physicalSectors, out place))
                return true;
        }

        return false;
    }

    private bool TryOpenOn(int vdev, AllocationClass purpose, int physicalSectors, out BlockPlace place)
    {
        int sectors = SectorsOn(_vdevs[vdev], physicalSectors);
        long sector = _vdevs[vdev].TryAllocate(purpose, sectors, sectors, out _);
        place = sector < 0 ? default : new BlockPlace(vdev, sector);
        return sector >= 0;
    }

    private bool TryZone(int physicalSectors, VdevRole role, int avoid, out BlockPlace place)
    {
        place = default;
        for (int vdev = 0; vdev < _vdevs.Count; vdev++)
            if (vdev != avoid && IsFor(vdev, role) && TryZoneOn(vdev, physicalSectors, out place))
                return true;
        return false;
    }

    private bool TryZoneOn(int vdev, int physicalSectors, out BlockPlace place)
    {
        long sector = physicalSectors == Segment
            ? _vdevs[vdev].TryAllocateSlot()
            : _vdevs[vdev].TryAllocateInZone(SectorsOn(_vdevs[vdev], physicalSectors));
        place = sector < 0 ? default : new BlockPlace(vdev, sector);
        return sector >= 0;
    }

    private int MostFree(VdevRole role, int avoid)
    {
        int best = -1;
        for (int i = 0; i < _vdevs.Count; i++)
            if (i != avoid && IsFor(i, role)
                && (best < 0 || _vdevs[i].OpenFreeSectors > _vdevs[best].OpenFreeSectors))
                best = i;
        return best;
    }

    private bool IsFor(int vdev, VdevRole role) =>
        _vdevs[vdev].Role == role && (role == VdevRole.Data || IsUsable(vdev));

    private bool IsInside(BlockPlace place, int physicalSectors) =>
        place.Vdev < _vdevs.Count
        && place.Sector + SectorsOf(place, physicalSectors) <= _vdevs[place.Vdev].SectorCount;

    private void NextTurn(int physicalSectors)
    {
        double total = Math.Max(1, FreeSectors);
        int best = -1;
        for (int i = 0; i < _vdevs.Count; i++)
        {
            if (_vdevs[i].Role != VdevRole.Data) continue;
            _credit[i] += _vdevs[i].OpenFreeSectors / total;
            bool hasRoom = _vdevs[i].OpenFreeSectors >= SectorsOn(_vdevs[i], physicalSectors);
            if (hasRoom && (best < 0 || _credit[i] > _credit[best])) best = i;
        }

        _turnVdev = best;
        if (best < 0) return;
        _credit[best] -= 1;
        _turnLeft = Math.Max(SectorsOn(_vdevs[best], physicalSectors), TurnSectors);
    }
}
