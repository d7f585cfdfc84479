using System.Net;

namespace Cstor.Engine.Host.Linux;

/// <summary>TCP on the loop's ring.</summary>
internal sealed class LinuxNetwork(LinuxLoop loop) : INetwork
{
    private const int Backlog = 1024;

    public Outcome<IListener> Listen(IPEndPoint endPoint)
    {
        ArgumentNullException.ThrowIfNull(endPoint);
        int family = SocketAddress.FamilyOf(endPoint);
        int file = Libc.Socket(family);
        if (file < 0) return SocketFaults.ForListen(endPoint, -file);
        SocketOptions.SetListening(file, family);
        int error = SocketAddress.Bind(file, endPoint);
        if (error >= 0) error = Libc.Listen(file, Backlog);
        if (error < 0)
        {
            _ = Libc.Close(file);
            return SocketFaults.ForListen(endPoint, -error);
        }

        return Outcome<IListener>.Ok(new LinuxListener(loop, file, SocketAddress.LocalOf(file) ?? endPoint));
    }

    public async ValueTask<Outcome<IConnection>> ConnectAsync(IPEndPoint endPoint)
    {
        ArgumentNullException.ThrowIfNull(endPoint);
        int file = Libc.Socket(SocketAddress.FamilyOf(endPoint));
        if (file < 0) return SocketFaults.ForConnect(endPoint, -file);
        SocketOptions.SetConnecting(file);
        int error = await new ConnectOperation(loop, new SocketAddress(endPoint)).Start(file);
        IPEndPoint? local = error < 0 ? null : SocketAddress.LocalOf(file);
        if (local is null)
        {
            _ = Libc.Close(file);
            return SocketFaults.ForConnect(endPoint, error < 0 ? -error : Abi.Errno.ENOTCONN);
        }

        return Outcome<IConnection>.Ok(new LinuxConnection(loop, file, local, endPoint));
    }
}
