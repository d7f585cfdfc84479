using Cstor.Engine.Vdevs;
using Cstor.PoolLayout;

namespace Cstor.Engine.Scrub;

/// <summary>
/// What one pass of a scan gathered, in order of the devices: trees are walked in the order of a volume's
/// blocks, disks like to be read in the order of their sectors.
/// </summary>
internal sealed class ScanBatch(PoolDevices devices, int limit)
{
    private const long MaximumBytes = 128L << 20;

    private const int MaximumRunItems = 256;

    private readonly List<ScanItem> _items = new(limit);
    private ScanItem[] _sorted = [];
    private long[] _next = [];
    private long _bytes;

    public bool IsFull => _items.Count >= limit || _bytes >= MaximumBytes;

    public void Add(in ScanItem item)
    {
        _items.Add(item);
        _bytes += item.PhysicalBytes;
    }

    /// <summary>Everything was added.</summary>
    public void Sort()
    {
        int count = _items.Count;
        ulong[] keys = new ulong[count];
        int[] order = new int[count];
        for (int i = 0; i < count; i++) (keys[i], order[i]) = (_items[i].Place.Packed, i);
        Array.Sort(keys, order);
        _sorted = new ScanItem[count];
        for (int i = 0; i < count; i++) _sorted[i] = _items[order[i]];
        _next = new long[devices.VdevCount];
        for (int vdev = 0, at = 0; vdev < _next.Length; vdev++)
        {
            while (at < count && _sorted[at].Place.Vdev < vdev) at++;
            _next[vdev] = at;
        }
    }

    public bool HasMore(int vdev)
    {
        long next = _next[vdev];
        return next < _items.Count && _sorted[next].Place.Vdev == vdev;
    }

    /// <summary>Takes the next blocks of a vdev that adjoin each other; at least one.</summary>
    /// <param name="vdev">One that has more.</param>
    /// <param name="maximumBytes">Bound on their stored bytes, if there are several.</param>
    public ReadOnlyMemory<ScanItem> Take(int vdev, int maximumBytes)
    {
        Check.That(HasMore(vdev));
        int first = (int)_next[vdev];
        int end = first;
        int bytes = 0;
        BlockPlace place = _sorted[first].Place;
        while (end < _items.Count && end - first < MaximumRunItems && _sorted[end].Place == place)
        {
            ScanItem item = _sorted[end];
            if (end > first && bytes + item.PhysicalBytes > maximumBytes) break;
            bytes += item.PhysicalBytes;
            end++;
            int sectors = devices.Geometry(vdev).AllocatedSectors(item.Pointer.PhysicalSectors);
            place = new BlockPlace(vdev, place.Sector + sectors);
        }

        _next[vdev] = end;
        return _sorted.AsMemory(first, end - first);
    }
}
