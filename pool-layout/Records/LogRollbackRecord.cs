using System.Runtime.InteropServices;

namespace Cstor.PoolLayout.Records;

/// <summary>
/// A volume, named by the header's slot, is again what one of its snapshots is. What it was, and the
/// snapshots since, became a volume of their own, which is being destroyed.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = Bytes)]
public struct LogRollbackRecord
{
    public const int Bytes = LogRecordHeader.Bytes + 32;

    [FieldOffset(0)] public LogRecordHeader Header;

    /// <summary>Slot of the snapshot.</summary>
    [FieldOffset(8)] public uint SnapshotSlot;

    /// <summary>Slot that the discarded version took.</summary>
    [FieldOffset(12)] public uint DiscardedSlot;

    /// <summary>Last epoch whose blocks the discarded version may hold.</summary>
    [FieldOffset(16)] public ulong Epoch;

    /// <summary>Identity of the discarded version.</summary>
    [FieldOffset(24)] public Guid DiscardedId;
}
