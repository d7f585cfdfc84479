using System.Runtime.InteropServices;

namespace Cstor.PoolLayout;

/// <summary>
/// The reference of a parent to a block: where it is, how it is stored, when it was born and what it must
/// hash to. The parent vouches for the child, so a torn, lost, misdirected or rotten block is caught when
/// it is read. All 64 bytes zero is a hole: it reads as zeroes and takes no space.
/// </summary>
/// <remarks>
/// <see cref="AllocatedSectors"/> counts what all copies occupy together, parity and padding included: their
/// vdevs may be of different kinds, so what one place takes follows from its vdev and the physical length.
/// <see cref="ContentHash"/> covers the logical bytes: of the block itself for
/// data, of the children's content hashes for a node; it does not depend on compression or placement.
/// </remarks>
[StructLayout(LayoutKind.Explicit, Size = Bytes)]
public readonly record struct BlockPointer
{
    public const int Bytes = 64;

    private const ulong EpochMask = (1UL << 48) - 1;

    [field: FieldOffset(0)] public BlockPlace Place0 { get; init; }

    /// <summary>Second copy, or none. Metadata has two, on different vdevs where there are any.</summary>
    [field: FieldOffset(8)] public BlockPlace Place1 { get; init; }

    /// <summary>Birth epoch in the low 48 bits; the upper 16 are reserved and zero.</summary>
    [FieldOffset(16)] private readonly ulong _birth;

    /// <summary>Taken by all copies together, parity and padding included.</summary>
    [field: FieldOffset(24)] public ushort AllocatedSectors { get; init; }

    /// <summary>Log2 of the logical length in bytes, 12 to 24.</summary>
    [field: FieldOffset(26)] public byte LogicalShift { get; init; }

    /// <summary>Compression in the low, checksum in the high four bits.</summary>
    [FieldOffset(27)] private readonly byte _kinds;

    /// <summary>
    /// Bytes that are checksummed; what follows up to the end of the last sector is zero.
    /// </summary>
    [field: FieldOffset(28)] public uint PhysicalBytes { get; init; }

    /// <summary>Of the physical bytes, by <see cref="ChecksumKind"/>.</summary>
    [field: FieldOffset(32)] public Hash128 Checksum { get; init; }

    /// <summary>Of the logical bytes.</summary>
    [field: FieldOffset(48)] public Hash128 ContentHash { get; init; }

    /// <summary>The pointer that reads as zeroes.</summary>
    public static BlockPointer Hole => default;

    public ulong BirthEpoch
    {
        get => _birth & EpochMask;
        init
        {
            Check.That(value <= EpochMask);
            _birth = value;
        }
    }

    public CompressionKind Compression
    {
        get => (CompressionKind)(_kinds & 15);
        init => _kinds = (byte)((_kinds & 0xF0) | (byte)value);
    }

    public ChecksumKind ChecksumKind
    {
        get => (ChecksumKind)(_kinds >> 4);
        init => _kinds = (byte)((_kinds & 0x0F) | ((byte)value << 4));
    }

    public int LogicalBytes => 1 << LogicalShift;

    /// <summary>Sectors that hold the physical bytes, without parity.</summary>
    public int PhysicalSectors => (int)((PhysicalBytes + Layout.SectorBytes - 1) >> Layout.SectorShift);

    public bool IsHole => _birth == 0;

    public int CopyCount => Place1.IsNone ? 1 : 2;

    /// <summary>
    /// Reason why the pointer cannot be right, or null. A hole is valid if every byte is zero.
    /// </summary>
    public string? Validate()
    {
        if (IsHole) return this == default ? null : "hole with leftover bytes";
        if (_birth > EpochMask) return "reserved bits of the birth epoch are set";
        if (Place0.IsNone) return "no place";
        if (LogicalShift is < 12 or > 24) return $"logical length 2^{LogicalShift}";
        if (Compression > CompressionKind.Zstd) return $"unknown compression {(byte)Compression}";
        if (ChecksumKind is not (ChecksumKind.Xxh128 or ChecksumKind.Blake3))
            return $"unknown checksum {(byte)ChecksumKind}";
        if (PhysicalBytes == 0 || PhysicalBytes > LogicalBytes)
            return $"physical length {PhysicalBytes} of {LogicalBytes}";
        if (AllocatedSectors < PhysicalSectors * CopyCount)
            return $"{AllocatedSectors} sectors allocated for {CopyCount} copies of {PhysicalSectors}";
        return null;
    }

    public override string ToString() => IsHole
        ? "hole"
        : $"[{Place0}{(Place1.IsNone ? "" : $" {Place1}")}] {AllocatedSectors}s "
            + $"{PhysicalBytes}/{LogicalBytes} {Compression.ToString().ToLowerInvariant()} "
            + $"birth {BirthEpoch} sum {Checksum} content {ContentHash}";
}
