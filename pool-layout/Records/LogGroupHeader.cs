using System.Runtime.InteropServices;
using Cstor.PoolLayout.Checksums;

namespace Cstor.PoolLayout.Records;

/// <summary>
/// Head of a group of the commit log: what one commit wrote with one device write (two copies). Groups
/// follow one another in a segment, each padded to the sector; where the next one is not, it begins the
/// next segment. A group belongs to the log if generation and sequence are as expected, it repeats the
/// checksum of its predecessor, and its own checksum holds.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = Bytes)]
public struct LogGroupHeader
{
    public const int Bytes = 128;

    /// <summary>"CSTORLG1" as bytes.</summary>
    public const ulong MagicValue = 0x31474C52_4F545343;

    private const int ChecksumOffset = 80;

    [FieldOffset(0)] public ulong Magic;

    [FieldOffset(8)] public ulong Generation;

    [FieldOffset(16)] public ulong Sequence;

    /// <summary>
    /// Every group up to this one, and the data it names, was flushed before this group was written. Later
    /// groups, this one included, count at replay only if the data they name verifies.
    /// </summary>
    [FieldOffset(24)] public ulong FlushedThrough;

    /// <summary>Length of the records behind the header.</summary>
    [FieldOffset(32)] public uint RecordBytes;

    [FieldOffset(36)] public uint RecordCount;

    /// <summary>Checksum of the group before this one.</summary>
    [FieldOffset(40)] public Hash128 PreviousChecksum;

    /// <summary>The segment that follows this group's segment.</summary>
    [FieldOffset(56)] public BlockPlace NextPlace0;

    [FieldOffset(64)] public BlockPlace NextPlace1;

    /// <summary>
    /// 1: the next group belongs to the same batch. The groups of a batch count all or not at all.
    /// </summary>
    [FieldOffset(72)] public uint IsContinued;

    [FieldOffset(76)] public uint Reserved0;

    /// <summary>xxh128 of header and records, with this field zero.</summary>
    [FieldOffset(ChecksumOffset)] public Hash128 Checksum;

    [FieldOffset(96)] public Hash128 Reserved1;

    [FieldOffset(112)] public Hash128 Reserved2;

    /// <summary>Header, records and padding up to the sector.</summary>
    public readonly int TotalBytes =>
        (Bytes + (int)RecordBytes + Layout.SectorBytes - 1) & -Layout.SectorBytes;

    /// <summary>Reads the header alone: enough to know how much belongs to the group.</summary>
    /// <returns>Reason why there is no group here, or null.</returns>
    public static string? TryReadHeader(ReadOnlySpan<byte> bytes, out LogGroupHeader header)
    {
        header = MemoryMarshal.Read<LogGroupHeader>(bytes);
        if (header.Magic != MagicValue) return "no magic";
        if (header.RecordBytes > Layout.LogGroupMaximumBytes - Bytes)
            return $"record length {header.RecordBytes}";
        if (header.RecordBytes % 8 != 0) return "record length is no multiple of 8";
        if (header.FlushedThrough >= header.Sequence) return "claims to be flushed before it was written";
        if (header.IsContinued > 1) return $"continued {header.IsContinued} times";
        if (header.Reserved0 != 0 || header.Reserved1 != default || header.Reserved2 != default)
            return "reserved bytes are set";
        return null;
    }

    /// <summary>
    /// Checks a whole group: <paramref name="group"/> holds at least <see cref="TotalBytes"/>.
    /// </summary>
    public static bool ChecksumHolds(ReadOnlySpan<byte> group, in LogGroupHeader header,
        Span<byte> scratch) =>
        header.Checksum == ComputeChecksum(group[..(Bytes + (int)header.RecordBytes)], scratch);

    /// <summary>
    /// Completes a group whose records already lie behind the header's place, and pads it with zeroes.
    /// </summary>
    /// <returns>The group's checksum.</returns>
    public Hash128 Seal(Span<byte> group, Span<byte> scratch)
    {
        Magic = MagicValue;
        Checksum = default;
        MemoryMarshal.Write(group, in this);
        group[(Bytes + (int)RecordBytes)..TotalBytes].Clear();
        Checksum = ComputeChecksum(group[..(Bytes + (int)RecordBytes)], scratch);
        Checksum.Write(group[ChecksumOffset..]);
        return Checksum;
    }

    // Two hashes chained through a header copy: the group itself stays untouched while it is verified.
    private static Hash128 ComputeChecksum(ReadOnlySpan<byte> group, Span<byte> scratch)
    {
        Span<byte> head = scratch[..Bytes];
        group[..Bytes].CopyTo(head);
        Xxh128.Compute(group[Bytes..]).Write(head[ChecksumOffset..]);
        return Xxh128.Compute(head);
    }
}
