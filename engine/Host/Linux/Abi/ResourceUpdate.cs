using System.Runtime.InteropServices;

namespace Cstor.Engine.Host.Linux.Abi;

/// <summary>
/// <c>struct io_uring_rsrc_update</c>: changes entries of the file table; also registers the ring's own fd.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = 16)]
internal struct ResourceUpdate
{
    [FieldOffset(0)] public uint Offset;
    [FieldOffset(4)] public uint Reserved;
    [FieldOffset(8)] public ulong Data;
}
