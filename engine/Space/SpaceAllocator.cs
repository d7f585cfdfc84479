using Cstor.PoolLayout;
using Cstor.PoolLayout.Labels;
using Cstor.Raid;

namespace Cstor.Engine.Space;

/// <summary>
/// The free space of a pool: one <see cref="VdevSpace"/> per top-level vdev, taken in turns of half a
/// megabyte in proportion to what is free. A part is held back from data, so that a full pool can still
/// checkpoint, unmap and destroy.
/// </summary>
internal sealed class SpaceAllocator : IDisposable
{
    private const int TurnSectors = 128;

    // What one gathered write takes at the most.
    private const int MaximumRunSectors = 512;

    private readonly List<VdevSpace> _vdevs = [];
    private readonly List<double> _credit = [];
    private int _turnVdev;
    private int _turnLeft;

    public long TotalSectors
    {
        get
        {
            long total = 0;
            foreach (VdevSpace vdev in _vdevs) total += vdev.SectorCount;
            return total;
        }
    }

    /// <summary>Held back from data.</summary>
    public long ReserveSectors => Math.Clamp(TotalSectors / 32, 2048, 1L << 25);

    public int VdevCount => _vdevs.Count;

    public long FreeSectors
    {
        get
        {
            long free = 0;
            foreach (VdevSpace vdev in _vdevs) free += vdev.FreeSectors;
            return free;
        }
    }

    /// <summary>Space that data may still take.</summary>
    public long FreeForDataSectors => Math.Max(0, FreeSectors - ReserveSectors);

    public VdevSpace Vdev(int vdev) => _vdevs[vdev];

    /// <summary>Takes the next top-level vdev in, all of it free.</summary>
    public void AddVdev(VdevGeometry geometry, VdevRole role)
    {
        _vdevs.Add(new VdevSpace(_vdevs.Count, geometry, role));
        _credit.Add(0);
    }

    /// <summary>Sectors that a block takes at a place, parity and padding included.</summary>
    /// <param name="place">On a known vdev.</param>
    /// <param name="physicalSectors">Sectors of its physical bytes.</param>
    public int SectorsOf(BlockPlace place, int physicalSectors) =>
        _vdevs[place.Vdev].Geometry.AllocatedSectors(physicalSectors);

    /// <summary>Sectors that all copies of a block take: what its pointer must say.</summary>
    public int SectorsOf(BlockPlace place0, BlockPlace place1, int physicalSectors) =>
        SectorsOf(place0, physicalSectors) + (place1.IsNone ? 0 : SectorsOf(place1, physicalSectors));

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
    /// <param name="place">Of the first; each next one lies as many sectors behind as a block takes
    /// there.</param>
    /// <param name="taken">Blocks that have room now, at least one.</param>
    public bool TryAllocateData(int physicalSectors, int wanted, out BlockPlace place, out int taken)
    {
        place = default;
        taken = 0;
        for (int attempt = 0; attempt <= _vdevs.Count; attempt++)
        {
            if (_turnLeft < _vdevs[_turnVdev].Geometry.AllocatedSectors(physicalSectors))
                NextTurn(physicalSectors);
            VdevSpace vdev = _vdevs[_turnVdev];
            int unit = vdev.Geometry.AllocatedSectors(physicalSectors);
            if (FreeForDataSectors < unit) return false;
            int most = Math.Max(unit, Math.Min(Math.Min(wanted, MaximumRunSectors / unit) * unit, _turnLeft));
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
    /// Takes the two copies of a piece of metadata, on different vdevs where there are several.
    /// </summary>
    /// <param name="physicalSectors">Sectors of its physical bytes.</param>
    /// <param name="place0">First copy.</param>
    /// <param name="place1">Second copy.</param>
    /// <returns>
    /// False when the pool is full to the last sector: a bug of the reserve, or a pool of absurd size.
    /// </returns>
    public bool TryAllocateMetadata(int physicalSectors, out BlockPlace place0, out BlockPlace place1)
    {
        place1 = default;
        int first = MostFree(except: -1);
        if (!TryOnAny(AllocationClass.Metadata, first, physicalSectors, out place0)) return false;
        int second = _vdevs.Count == 1 ? 0 : MostFree(except: place0.Vdev);
        if (TryOnAny(AllocationClass.MetadataCopy, second, physicalSectors, out place1)) return true;
        Release(place0, SectorsOf(place0, physicalSectors));
        return false;
    }

    public void Dispose()
    {
        foreach (VdevSpace vdev in _vdevs) vdev.Dispose();
    }

    private bool TryOnAny(AllocationClass purpose, int preferred, int physicalSectors,
        out BlockPlace place)
    {
        for (int i = 0; i < _vdevs.Count; i++)
        {
            int vdev = (preferred + i) % _vdevs.Count;
            int sectors = _vdevs[vdev].Geometry.AllocatedSectors(physicalSectors);
            long sector = _vdevs[vdev].TryAllocate(purpose, sectors, sectors, out _);
            if (sector < 0) continue;
            place = new BlockPlace(vdev, sector);
            return true;
        }

        place = default;
        return false;
    }

    private int MostFree(int except)
    {
        int best = except == 0 ? 1 : 0;
        for (int i = 0; i < _vdevs.Count; i++)
            if (i != except && _vdevs[i].FreeSectors > _vdevs[best].FreeSectors)
                best = i;
        return best;
    }

    private bool IsInside(BlockPlace place, int physicalSectors) =>
        place.Vdev < _vdevs.Count
        && place.Sector + SectorsOf(place, physicalSectors) <= _vdevs[place.Vdev].SectorCount;

    private void NextTurn(int physicalSectors)
    {
        double total = FreeSectors;
        int best = 0;
        for (int i = 0; i < _vdevs.Count; i++)
        {
            _credit[i] += _vdevs[i].FreeSectors / total;
            int unit = _vdevs[i].Geometry.AllocatedSectors(physicalSectors);
            if (_vdevs[i].FreeSectors >= unit && _credit[i] > _credit[best]) best = i;
        }

        _credit[best] -= 1;
        _turnVdev = best;
        _turnLeft = Math.Max(_vdevs[best].Geometry.AllocatedSectors(physicalSectors), TurnSectors);
    }
}
