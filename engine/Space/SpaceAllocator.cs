using Cstor.PoolLayout;

namespace Cstor.Engine.Space;

/// <summary>
/// The free space of a pool: one <see cref="VdevSpace"/> per top-level vdev, taken in turns of half a
/// megabyte in proportion to what is free. A part is held back from data, so that a full pool can still
/// checkpoint, unmap and destroy.
/// </summary>
internal sealed class SpaceAllocator : IDisposable
{
    private const int TurnSectors = 128;

    private readonly VdevSpace[] _vdevs;
    private readonly double[] _credit;
    private int _turnVdev;
    private int _turnLeft;

    /// <param name="sectorCounts">Sectors of each top-level vdev.</param>
    public SpaceAllocator(IReadOnlyList<long> sectorCounts)
    {
        _vdevs = new VdevSpace[sectorCounts.Count];
        _credit = new double[sectorCounts.Count];
        for (int i = 0; i < _vdevs.Length; i++)
        {
            _vdevs[i] = new VdevSpace(i, sectorCounts[i]);
            TotalSectors += sectorCounts[i];
        }

        ReserveSectors = Math.Clamp(TotalSectors / 32, 2048, 1L << 25);
    }

    public long TotalSectors { get; }

    /// <summary>Held back from data.</summary>
    public long ReserveSectors { get; }

    public int VdevCount => _vdevs.Length;

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

    public void Take(BlockPlace place, int sectors) => _vdevs[place.Vdev].Take(place.Sector, sectors);

    public void Release(BlockPlace place, int sectors) => _vdevs[place.Vdev].Release(place.Sector, sectors);

    public bool IsTaken(BlockPlace place) => _vdevs[place.Vdev].IsTaken(place.Sector);

    /// <summary>
    /// Takes up to <paramref name="wanted"/> adjoining data sectors, a multiple of <paramref name="unit"/>.
    /// </summary>
    public bool TryAllocateData(int unit, int wanted, out BlockPlace place, out int taken)
    {
        place = default;
        taken = 0;
        if (FreeForDataSectors < unit) return false;
        for (int attempt = 0; attempt <= _vdevs.Length; attempt++)
        {
            if (_turnLeft < unit) NextTurn(unit);
            VdevSpace vdev = _vdevs[_turnVdev];
            long sector = vdev.TryAllocate(AllocationClass.Data, unit,
                Math.Min(wanted, Math.Max(unit, _turnLeft)), out taken);
            _turnLeft -= taken;
            if (sector < 0)
            {
                _turnLeft = 0;
                _credit[_turnVdev] -= 1;
                continue;
            }

            place = new BlockPlace(_turnVdev, sector);
            return true;
        }

        return false;
    }

    /// <summary>
    /// Takes the two copies of a piece of metadata, on different vdevs where there are several.
    /// </summary>
    /// <returns>
    /// False when the pool is full to the last sector: a bug of the reserve, or a pool of absurd size.
    /// </returns>
    public bool TryAllocateMetadata(int sectors, out BlockPlace place0, out BlockPlace place1)
    {
        place1 = default;
        int first = MostFree(except: -1);
        if (!TryOnAny(AllocationClass.Metadata, first, sectors, out place0)) return false;
        int second = _vdevs.Length == 1 ? 0 : MostFree(except: place0.Vdev);
        if (TryOnAny(AllocationClass.MetadataCopy, second, sectors, out place1)) return true;
        Release(place0, sectors);
        return false;
    }

    public void Dispose()
    {
        foreach (VdevSpace vdev in _vdevs) vdev.Dispose();
    }

    private bool TryOnAny(AllocationClass purpose, int preferred, int sectors, out BlockPlace place)
    {
        for (int i = 0; i < _vdevs.Length; i++)
        {
            int vdev = (preferred + i) % _vdevs.Length;
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
        for (int i = 0; i < _vdevs.Length; i++)
            if (i != except && _vdevs[i].FreeSectors > _vdevs[best].FreeSectors)
                best = i;
        return best;
    }

    private void NextTurn(int unit)
    {
        double total = FreeSectors;
        int best = 0;
        for (int i = 0; i < _vdevs.Length; i++)
        {
            _credit[i] += _vdevs[i].FreeSectors / total;
            if (_vdevs[i].FreeSectors >= unit && _credit[i] > _credit[best]) best = i;
        }

        _credit[best] -= 1;
        _turnVdev = best;
        _turnLeft = Math.Max(unit, TurnSectors);
    }
}
