using System.Globalization;

namespace Cstor.PoolLayout;

/// <summary>
/// Where a copy of a block begins: top-level vdev (16 bits) and sector within it (48 bits, 4 KiB each,
/// counted from the end of the front labels). Packed as <c>vdev &lt;&lt; 48 | sector</c>. Sector 0 of a
/// vdev is never allocated, so the all-zero place means "none".
/// </summary>
public readonly record struct BlockPlace(ulong Packed)
{
    public const ulong MaximumSector = (1UL << 48) - 1;

    public static readonly BlockPlace None;

    public BlockPlace(int vdev, long sector)
        : this(((ulong)vdev << 48) | (ulong)sector)
    {
        Check.That((uint)vdev <= ushort.MaxValue && (ulong)sector <= MaximumSector);
    }

    /// <summary>Index of the top-level vdev.</summary>
    public int Vdev => (int)(Packed >> 48);

    /// <summary>First sector.</summary>
    public long Sector => (long)(Packed & MaximumSector);

    public bool IsNone => Packed == 0;

    public override string ToString() =>
        IsNone ? "-" : string.Create(CultureInfo.InvariantCulture, $"{Vdev}:{Sector}");
}
