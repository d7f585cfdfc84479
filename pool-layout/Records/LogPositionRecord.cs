using System.Runtime.InteropServices;

namespace Cstor.PoolLayout.Records;

/// <summary>
/// How far a replica has come: it holds every entry of its group up to this one. What entries behind it have
/// changed may be there or not.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = Bytes)]
public struct LogPositionRecord
{
    public const int Bytes = LogRecordHeader.Bytes + 16;

    [FieldOffset(0)] public LogRecordHeader Header;

    /// <summary>Lease epoch of the leader that the entry is from.</summary>
    [FieldOffset(8)] public ulong Epoch;

    /// <summary>Number of the entry.</summary>
    [FieldOffset(16)] public ulong Index;
}
