using System.Net.Sockets;
using System.Text;

namespace Cstor.Daemon.Service;

/// <summary>Tells systemd how far the start is: one datagram to the socket it names (sd_notify(3)).</summary>
internal static class ServiceNotifier
{
    /// <param name="socketPath">Value of <c>NOTIFY_SOCKET</c>; nothing is sent without one.</param>
    /// <param name="state">Such as <c>READY=1</c>.</param>
    /// <returns>False when the manager could not be told.</returns>
    public static bool Send(string? socketPath, string state)
    {
        if (string.IsNullOrEmpty(socketPath)) return true;
        string path = socketPath[0] == '@' ? '\0' + socketPath[1..] : socketPath;
        try
        {
            using Socket socket = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
            socket.SendTo(Encoding.UTF8.GetBytes(state + "\n"), new UnixDomainSocketEndPoint(path));
            return true;
        }
        catch (Exception exception) when (exception is SocketException or ArgumentException)
        {
            return false;
        }
    }
}
