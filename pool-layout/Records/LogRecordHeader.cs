using System.Runtime.InteropServices;

namespace Cstor.PoolLayout.Records;

/// <summary>
/// Head of every record in a group. Records are multiples of 8 bytes and follow one another.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = Bytes)]
public struct LogRecordHeader
{
    public const int Bytes = 8;

    [FieldOffset(0)] public LogRecordKind Kind;

    /// <summary>Length of the whole record, header included.</summary>
    [FieldOffset(2)] public ushort LengthBytes;

    /// <summary>Dataset slot that the record is about.</summary>
    [FieldOffset(4)] public uint Slot;

    /// <summary>
    /// Length that a record of this kind has, or 0 for an unknown kind. A part has its bytes behind that.
    /// </summary>
    public static int LengthOf(LogRecordKind kind) => kind switch
    {
        LogRecordKind.Write => LogWriteRecord.Bytes,
        LogRecordKind.Unmap => LogUnmapRecord.Bytes,
        LogRecordKind.DatasetPut => Bytes + DatasetRecord.Bytes,
        LogRecordKind.Promote => Bytes,
        LogRecordKind.Snapshot => LogSnapshotRecord.Bytes,
        LogRecordKind.Rollback => LogRollbackRecord.Bytes,
        LogRecordKind.Part => LogPartRecord.Bytes,
        LogRecordKind.Position => LogPositionRecord.Bytes,
        _ => 0,
    };

    /// <summary>
    /// Reads the header at the start of <paramref name="records"/> and checks that the record fits.
    /// </summary>
    public static string? TryRead(ReadOnlySpan<byte> records, out LogRecordHeader header)
    {
        header = default;
        if (records.Length < Bytes) return "truncated record header";
        header = MemoryMarshal.Read<LogRecordHeader>(records);
        int expected = LengthOf(header.Kind);
        if (expected == 0) return $"unknown record kind {(ushort)header.Kind}";
        bool isRight = header.Kind == LogRecordKind.Part
            ? header.LengthBytes > expected && header.LengthBytes % 8 == 0
            : header.LengthBytes == expected;
        if (!isRight) return $"record of {header.LengthBytes} bytes, expected {expected}";
        return header.LengthBytes > records.Length ? "record beyond the end of its group" : null;
    }
}
