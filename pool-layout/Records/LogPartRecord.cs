using System.Runtime.InteropServices;

namespace Cstor.PoolLayout.Records;

/// <summary>
/// A part of a block, or all of it, has the bytes that follow this head. The rest of the block is as it was.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = Bytes)]
public struct LogPartRecord
{
    /// <summary>Length of the head.</summary>
    public const int Bytes = LogRecordHeader.Bytes + 16;

    /// <summary>Offset and length of a part are multiples of this.</summary>
    public const int UnitBytes = 512;

    /// <summary>Longest part in one record: its length field has 16 bits.</summary>
    public const int MaximumDataBytes = 32 * 1024;

    [FieldOffset(0)] public LogRecordHeader Header;

    /// <summary>Index of the block in its volume.</summary>
    [FieldOffset(8)] public ulong Block;

    /// <summary>Where the part begins in the block.</summary>
    [FieldOffset(16)] public uint OffsetBytes;

    /// <summary>Length of the part.</summary>
    [FieldOffset(20)] public uint DataBytes;

    /// <summary>Reason why this cannot be a part of a block, or null.</summary>
    /// <param name="blockBytes">Length of the volume's blocks.</param>
    public readonly string? Validate(int blockBytes)
    {
        if (DataBytes is 0 or > MaximumDataBytes || Header.LengthBytes != Bytes + DataBytes)
            return $"part of {DataBytes} bytes in a record of {Header.LengthBytes}";
        return (OffsetBytes | DataBytes) % UnitBytes != 0
            || OffsetBytes > blockBytes || DataBytes > blockBytes - OffsetBytes
            ? $"part of {DataBytes} bytes at {OffsetBytes} of a block of {blockBytes}"
            : null;
    }
}
