using System.Runtime.InteropServices;

namespace Cstor.Engine.Host.Linux.Abi;

/// <summary><c>struct sockaddr_in</c>; port and address in network order.</summary>
[StructLayout(LayoutKind.Explicit, Size = 16)]
internal struct SocketAddress4
{
    [FieldOffset(0)] public ushort Family;
    [FieldOffset(2)] public ushort Port;
    [FieldOffset(4)] public uint Address;
}
