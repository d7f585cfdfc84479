using System.Runtime.InteropServices;

namespace Cstor.Engine.Host.Linux.Abi;

/// <summary><c>struct msghdr</c>.</summary>
[StructLayout(LayoutKind.Explicit, Size = 56)]
internal struct MessageHeader
{
    [FieldOffset(0)] public nint Name;
    [FieldOffset(8)] public uint NameBytes;
    [FieldOffset(16)] public nint Vectors;
    [FieldOffset(24)] public nuint VectorCount;
    [FieldOffset(32)] public nint Control;
    [FieldOffset(40)] public nuint ControlBytes;
    [FieldOffset(48)] public int Flags;
}
