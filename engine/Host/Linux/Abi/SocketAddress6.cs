using System.Runtime.InteropServices;

namespace Cstor.Engine.Host.Linux.Abi;

/// <summary><c>struct sockaddr_in6</c>; port and address in network order.</summary>
[StructLayout(LayoutKind.Explicit, Size = 28, Pack = 4)]
internal struct SocketAddress6
{
    [FieldOffset(0)] public ushort Family;
    [FieldOffset(2)] public ushort Port;
    [FieldOffset(4)] public uint FlowInfo;
    [FieldOffset(8)] public ulong AddressHigh;
    [FieldOffset(16)] public ulong AddressLow;
    [FieldOffset(24)] public uint Scope;
}
