using System.Runtime.InteropServices;

namespace Cstor.Engine.Host.Linux.Abi;

/// <summary><c>struct __kernel_timespec</c>.</summary>
[StructLayout(LayoutKind.Explicit, Size = 16)]
internal struct KernelTimespec
{
    [FieldOffset(0)] public long Seconds;
    [FieldOffset(8)] public long Nanoseconds;
}
