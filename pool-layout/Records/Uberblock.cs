using System.Runtime.InteropServices;
using Cstor.PoolLayout.Checksums;

namespace Cstor.PoolLayout.Records;

/// <summary>
/// The root of everything: one sector, written last in a checkpoint, into slot <c>number % 32</c> of every
/// ring of every device. The valid one with the highest number wins at import; a torn one fails its
/// checksum and the one before it is as good, because nothing it refers to is reused before its successor
/// is durable.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = Layout.UberblockBytes)]
public struct Uberblock
{
    /// <summary>"CSTORUB1" as bytes.</summary>
    public const ulong MagicValue = 0x31425552_4F545343;

    /// <summary>First byte of the reserved area.</summary>
    public const int ReservedOffset = 552;

    /// <summary>Where the checksum of the bytes before it lies.</summary>
    public const int ChecksumOffset = Layout.UberblockBytes - 16;

    [FieldOffset(0)] public ulong Magic;

    [FieldOffset(8)] public uint Version;

    /// <summary>Log2 of <see cref="Layout.SectorBytes"/>.</summary>
    [FieldOffset(12)] public uint SectorShift;

    [FieldOffset(16)] public Guid PoolGuid;

    /// <summary>Checkpoint number, from 1, never reused.</summary>
    [FieldOffset(32)] public ulong Number;

    /// <summary>Current birth epoch, from 1.</summary>
    [FieldOffset(40)] public ulong Epoch;

    /// <summary>Wall clock of the checkpoint, nanoseconds since 1970; for people.</summary>
    [FieldOffset(48)] public long UnixNanoseconds;

    /// <summary>Names this run of the commit log; groups of other generations are leftovers.</summary>
    [FieldOffset(56)] public ulong LogGeneration;

    /// <summary>Sequence number of the first group that is not in the tree.</summary>
    [FieldOffset(64)] public ulong LogSequence;

    /// <summary>Segment in which that group is, or will be.</summary>
    [FieldOffset(72)] public BlockPlace LogPlace0;

    /// <summary>The segment's second copy.</summary>
    [FieldOffset(80)] public BlockPlace LogPlace1;

    /// <summary>Offset of that group in the segment, a multiple of the sector.</summary>
    [FieldOffset(88)] public uint LogOffsetBytes;

    /// <summary>Node levels of the dataset table.</summary>
    [FieldOffset(92)] public byte DatasetHeight;

    /// <summary>Node levels of the space map.</summary>
    [FieldOffset(93)] public byte SpaceMapHeight;

    [FieldOffset(94)] public ushort Reserved0;

    /// <summary>
    /// Checksum of the group before the first one, which that one repeats; zero at the start of a
    /// generation.
    /// </summary>
    [FieldOffset(96)] public Hash128 LogPreviousChecksum;

    /// <summary>Tree of <see cref="DatasetRecord"/>, one block each, by slot.</summary>
    [FieldOffset(112)] public BlockPointer DatasetRoot;

    /// <summary>Tree of bitmaps, one block per region, by <c>vdev &lt;&lt; 20 | region</c>.</summary>
    [FieldOffset(176)] public BlockPointer SpaceMapRoot;

    /// <summary>Newest block of the space log.</summary>
    [FieldOffset(240)] public BlockPointer SpaceLogHead;

    /// <summary>Blocks of the space log, from the newest back; what is older is in the space map.</summary>
    [FieldOffset(304)] public ulong SpaceLogBlocks;

    /// <summary>Sectors allocated on all vdevs at this checkpoint.</summary>
    [FieldOffset(312)] public long AllocatedSectors;

    /// <summary>Slots ever used in the dataset table.</summary>
    [FieldOffset(320)] public ulong DatasetSlots;

    /// <summary>The segment that follows the log's.</summary>
    [FieldOffset(328)] public BlockPlace LogNext0;

    /// <summary>Its second copy.</summary>
    [FieldOffset(336)] public BlockPlace LogNext1;

    /// <summary>The newest scrub.</summary>
    [FieldOffset(344)] public ScanRecord Scrub;

    /// <summary>The newest resilver.</summary>
    [FieldOffset(448)] public ScanRecord Resilver;

    /// <summary>xxh128 of all bytes before it.</summary>
    [FieldOffset(ChecksumOffset)] public Hash128 Checksum;

    /// <summary>Stands for a log's generation where no log follows: an import went back to an older
    /// root.</summary>
    public const ulong NoLog = 0;

    /// <summary>Reads and validates one sector.</summary>
    /// <returns>Reason why it is not an uberblock of this format, or null.</returns>
    public static string? TryRead(ReadOnlySpan<byte> sector, out Uberblock uberblock)
    {
        Check.That(sector.Length == Layout.UberblockBytes);
        uberblock = MemoryMarshal.Read<Uberblock>(sector);
        if (uberblock.Magic != MagicValue) return "no magic";
        if (uberblock.Checksum != Xxh128.Compute(sector[..ChecksumOffset])) return "checksum mismatch";
        return uberblock.Validate() ?? (sector[ReservedOffset..ChecksumOffset].ContainsAnyExcept((byte)0)
            ? "reserved bytes are set" : null);
    }

    /// <summary>Writes one sector with its checksum.</summary>
    public readonly void Write(Span<byte> sector)
    {
        Check.That(sector.Length == Layout.UberblockBytes);
        Check.That(Validate() is null);
        MemoryMarshal.Write(sector, in this);
        sector[ReservedOffset..ChecksumOffset].Clear();
        Xxh128.Compute(sector[..ChecksumOffset]).Write(sector[ChecksumOffset..]);
    }

    /// <summary>Reason why the fields cannot be right, or null.</summary>
    public readonly string? Validate()
    {
        if (Version != Layout.FormatVersion)
            return $"format version {Version}, this program knows {Layout.FormatVersion}";
        if (SectorShift != Layout.SectorShift) return $"sector of 2^{SectorShift} bytes";
        if (Number == 0 || Epoch == 0) return "zero number or epoch";
        if (Reserved0 != 0) return "reserved bytes are set";
        if (DatasetHeight is 0 or > 6 || SpaceMapHeight is 0 or > 6) return "impossible tree height";
        if (LogOffsetBytes > Layout.LogSegmentBytes || LogOffsetBytes % Layout.SectorBytes != 0)
            return "log offset out of range";
        if (AllocatedSectors < 0) return "negative accounting";
        if (LogPlace0.IsNone || LogNext0.IsNone) return "no log";
        return Scrub.Validate() ?? Resilver.Validate()
            ?? DatasetRoot.Validate() ?? SpaceMapRoot.Validate() ?? SpaceLogHead.Validate();
    }
}
