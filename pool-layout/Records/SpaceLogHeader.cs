using System.Runtime.InteropServices;

namespace Cstor.PoolLayout.Records;

/// <summary>
/// Head of a block of the space log: the allocations and frees of one checkpoint, oldest first, as
/// <see cref="SpaceLogEntry"/>. Blocks form a chain from the newest back. The state of a sector is what its
/// last entry says, or the space map's bit if there is none; so a bitmap may be rewritten at any time, and
/// the log before it forgotten.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = Bytes)]
public struct SpaceLogHeader
{
    public const int Bytes = 96;

    /// <summary>"CSTORSP1" as bytes.</summary>
    public const ulong MagicValue = 0x31505352_4F545343;

    /// <summary>Log2 of the largest block: 128 KiB.</summary>
    public const int BlockShift = 17;

    /// <summary>Entries that fit one block.</summary>
    public const int MaximumEntries = ((1 << BlockShift) - Bytes) / SpaceLogEntry.Bytes;

    [FieldOffset(0)] public ulong Magic;

    /// <summary>Checkpoint that wrote the block.</summary>
    [FieldOffset(8)] public ulong Checkpoint;

    [FieldOffset(16)] public uint EntryCount;

    [FieldOffset(20)] public uint Reserved0;

    [FieldOffset(24)] public ulong Reserved1;

    /// <summary>The block before, or a hole at the very first.</summary>
    [FieldOffset(32)] public BlockPointer Previous;

    /// <summary>Bytes of header and entries.</summary>
    public readonly int TotalBytes => Bytes + (int)EntryCount * SpaceLogEntry.Bytes;

    /// <summary>Reads the header of a block whose checksum held.</summary>
    public static string? TryRead(ReadOnlySpan<byte> block, out SpaceLogHeader header)
    {
        header = default;
        if (block.Length < Bytes) return "truncated";
        header = MemoryMarshal.Read<SpaceLogHeader>(block);
        if (header.Magic != MagicValue) return "no magic";
        if (header.EntryCount > MaximumEntries) return $"{header.EntryCount} entries";
        if (header.Reserved0 != 0 || header.Reserved1 != 0) return "reserved bytes are set";
        if (header.TotalBytes > block.Length) return "entries beyond the end";
        return header.Previous.Validate();
    }
}
