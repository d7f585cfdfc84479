using System.Runtime.InteropServices;

namespace Cstor.Engine.Host.Linux.Abi;

/// <summary><c>struct io_uring_cqe</c>: how a request ended. A negative result is an errno.</summary>
[StructLayout(LayoutKind.Explicit, Size = 16)]
internal struct CompletionEntry
{
    [FieldOffset(0)] public ulong UserData;
    [FieldOffset(8)] public int Result;
    [FieldOffset(12)] public uint Flags;
}
