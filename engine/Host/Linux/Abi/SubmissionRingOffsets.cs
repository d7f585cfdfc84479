using System.Runtime.InteropServices;

namespace Cstor.Engine.Host.Linux.Abi;

/// <summary>
/// <c>struct io_sqring_offsets</c>: where the parts of the submission ring lie in its mapping.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = 40)]
internal struct SubmissionRingOffsets
{
    [FieldOffset(0)] public uint Head;
    [FieldOffset(4)] public uint Tail;
    [FieldOffset(8)] public uint RingMask;
    [FieldOffset(12)] public uint RingEntries;
    [FieldOffset(16)] public uint Flags;
    [FieldOffset(20)] public uint Dropped;
    [FieldOffset(24)] public uint Array;
    [FieldOffset(28)] public uint Reserved;
    [FieldOffset(32)] public ulong UserAddress;
}
