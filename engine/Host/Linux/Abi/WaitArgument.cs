using System.Runtime.InteropServices;

namespace Cstor.Engine.Host.Linux.Abi;

/// <summary><c>struct io_uring_getevents_arg</c>: the timeout of a wait in io_uring_enter.</summary>
[StructLayout(LayoutKind.Explicit, Size = 24)]
internal struct WaitArgument
{
    [FieldOffset(0)] public ulong SignalMask;
    [FieldOffset(8)] public uint SignalMaskBytes;
    [FieldOffset(12)] public uint Reserved;
    [FieldOffset(16)] public ulong Timespec;
}
