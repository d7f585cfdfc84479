using System.Runtime.InteropServices;

namespace Cstor.Engine.Host.Linux.Abi;

/// <summary>
/// <c>struct io_cqring_offsets</c>: where the parts of the completion ring lie in its mapping.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = 40)]
internal struct CompletionRingOffsets
{
    [FieldOffset(0)] public uint Head;
    [FieldOffset(4)] public uint Tail;
    [FieldOffset(8)] public uint RingMask;
    [FieldOffset(12)] public uint RingEntries;
    [FieldOffset(16)] public uint Overflow;
    [FieldOffset(20)] public uint Entries;
    [FieldOffset(24)] public uint Flags;
    [FieldOffset(28)] public uint Reserved;
    [FieldOffset(32)] public ulong UserAddress;
}
