using System.Runtime.InteropServices;

namespace Cstor.Engine.Host.Linux.Abi;

/// <summary><c>struct iovec</c>.</summary>
[StructLayout(LayoutKind.Explicit, Size = 16)]
internal struct IoVector
{
    [FieldOffset(0)] public nint Address;
    [FieldOffset(8)] public nuint LengthBytes;
}
