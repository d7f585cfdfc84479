using System.Buffers.Binary;
using System.Net;
using System.Runtime.InteropServices;
using Cstor.Engine.Host.Linux.Abi;
using Cstor.PoolLayout;

namespace Cstor.Engine.Host.Linux;

/// <summary>A socket address in native memory, as the kernel reads it while a connect is under way.</summary>
internal sealed unsafe class SocketAddress : IDisposable
{
    private readonly byte* _bytes = (byte*)NativeMemory.AllocZeroed((nuint)sizeof(SocketAddress6));

    public SocketAddress(IPEndPoint endPoint) => LengthBytes = Write(endPoint, _bytes);

    public nint Address => (nint)_bytes;

    public uint LengthBytes { get; }

    /// <summary>AF_INET or AF_INET6.</summary>
    public static int FamilyOf(IPEndPoint endPoint) =>
        endPoint.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6
            ? LibcConstants.FamilyInternet6 : LibcConstants.FamilyInternet4;

    /// <summary>Binds a socket; a negative errno on failure.</summary>
    public static int Bind(int file, IPEndPoint endPoint)
    {
        byte* bytes = stackalloc byte[sizeof(SocketAddress6)];
        uint length = Write(endPoint, bytes);
        return Libc.Bind(file, bytes, length);
    }

    /// <summary>Our end of a socket, or null.</summary>
    public static IPEndPoint? LocalOf(int file)
    {
        byte* bytes = stackalloc byte[sizeof(SocketAddress6)];
        uint length = (uint)sizeof(SocketAddress6);
        return Libc.LocalName(file, bytes, &length) < 0 ? null : Read(bytes);
    }

    /// <summary>The other end of a socket, or null when it is gone already.</summary>
    public static IPEndPoint? PeerOf(int file)
    {
        byte* bytes = stackalloc byte[sizeof(SocketAddress6)];
        uint length = (uint)sizeof(SocketAddress6);
        return Libc.PeerName(file, bytes, &length) < 0 ? null : Read(bytes);
    }

    public void Dispose() => NativeMemory.Free(_bytes);

    private static ushort NetworkOrder(int port) => BinaryPrimitives.ReverseEndianness((ushort)port);

    private static uint Write(IPEndPoint endPoint, byte* bytes)
    {
        if (FamilyOf(endPoint) == LibcConstants.FamilyInternet4)
        {
            var address = (SocketAddress4*)bytes;
            *address = default;
            address->Family = LibcConstants.FamilyInternet4;
            address->Port = NetworkOrder(endPoint.Port);
            Check.That(endPoint.Address.TryWriteBytes(new Span<byte>(&address->Address, 4), out _));
            return (uint)sizeof(SocketAddress4);
        }

        var address6 = (SocketAddress6*)bytes;
        *address6 = default;
        address6->Family = LibcConstants.FamilyInternet6;
        address6->Port = NetworkOrder(endPoint.Port);
        address6->Scope = (uint)endPoint.Address.ScopeId;
        Check.That(endPoint.Address.TryWriteBytes(new Span<byte>(&address6->AddressHigh, 16), out _));
        return (uint)sizeof(SocketAddress6);
    }

    private static IPEndPoint Read(byte* bytes)
    {
        var address = (SocketAddress4*)bytes;
        if (address->Family == LibcConstants.FamilyInternet4)
            return new IPEndPoint(
                new IPAddress(new ReadOnlySpan<byte>(&address->Address, 4)), NetworkOrder(address->Port));
        var address6 = (SocketAddress6*)bytes;
        var ip = new IPAddress(new ReadOnlySpan<byte>(&address6->AddressHigh, 16), address6->Scope);
        return new IPEndPoint(ip, NetworkOrder(address6->Port));
    }
}
