using System.Runtime.InteropServices;

namespace Cstor.PoolLayout.Records;

/// <summary>A block's new pointer. The payload was written in place before the group's flush.</summary>
[StructLayout(LayoutKind.Explicit, Size = Bytes)]
public struct LogWriteRecord
{
    public const int Bytes = LogRecordHeader.Bytes + 8 + BlockPointer.Bytes;

    [FieldOffset(0)] public LogRecordHeader Header;

    /// <summary>Index of the block in its volume.</summary>
    [FieldOffset(8)] public ulong Block;

    [FieldOffset(16)] public BlockPointer Pointer;
}
