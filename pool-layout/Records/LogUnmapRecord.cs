using System.Runtime.InteropServices;

namespace Cstor.PoolLayout.Records;

/// <summary>A run of blocks that became holes.</summary>
[StructLayout(LayoutKind.Explicit, Size = Bytes)]
public struct LogUnmapRecord
{
    public const int Bytes = LogRecordHeader.Bytes + 16;

    [FieldOffset(0)] public LogRecordHeader Header;

    [FieldOffset(8)] public ulong FirstBlock;

    [FieldOffset(16)] public ulong BlockCount;
}
