using Cstor.Engine.Memory;
using Cstor.PoolLayout;

namespace Cstor.Engine.Space;

/// <summary>
/// Changes of one region that its bitmap in the space map does not have yet, oldest first: four bytes each,
/// for there are millions under random writes. Used again for other regions.
/// </summary>
internal sealed class RegionChanges : IDisposable
{
    // First sector, then sectors but one, then whether they were allocated.
    private const int CountShift = 15;
    private const int AllocatedBit = 30;

    private readonly NativeList<uint> _changes = new();

    /// <summary>The space log must reach back to here.</summary>
    public ulong OldestCheckpoint { get; private set; }

    public int Count => _changes.Count;

    /// <summary>Forgets all changes; those to come are of this checkpoint or later.</summary>
    public void Begin(ulong checkpoint)
    {
        OldestCheckpoint = checkpoint;
        _changes.Clear();
    }

    /// <summary>Adds a run of sectors within the region.</summary>
    public void Add(int sector, int count, bool isAllocated)
    {
        Check.That(sector >= 0 && count > 0 && sector + count <= Layout.RegionSectors);
        _changes.Add((uint)(sector | ((count - 1) << CountShift) | ((isAllocated ? 1 : 0) << AllocatedBit)));
    }

    /// <summary>Brings a bitmap up to date, which may have some of the changes already.</summary>
    public void ApplyTo(Span<ulong> words)
    {
        foreach (uint change in _changes.Items)
        {
            int sector = (int)(change & (Layout.RegionSectors - 1));
            int end = sector + (int)((change >> CountShift) & (Layout.RegionSectors - 1)) + 1;
            bool isAllocated = change >> AllocatedBit != 0;
            for (int bit = sector; bit < end; bit++)
            {
                ulong mask = 1UL << (bit & 63);
                if (isAllocated) words[bit >> 6] |= mask;
                else words[bit >> 6] &= ~mask;
            }
        }
    }

    public void Dispose() => _changes.Dispose();
}
