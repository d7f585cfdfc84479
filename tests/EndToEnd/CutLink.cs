using System.Net;
using System.Net.Sockets;

namespace Cstor.Tests.EndToEnd;

/// <summary>A second way to the daemon, which can be cut: connections break and none is taken.</summary>
internal sealed class CutLink : IDisposable
{
    private readonly int _to;
    private readonly List<Socket> _sockets = [];
    private TcpListener? _listener;

    public CutLink(int to)
    {
        _to = to;
        Port = DaemonFixture.FreePort();
        Mend();
    }

    public int Port { get; }

    public void Mend()
    {
        TcpListener listener = new(IPAddress.Loopback, Port);
        listener.Start();
        _listener = listener;
        _ = AcceptAsync(listener);
    }

    public void Cut()
    {
        _listener?.Stop();
        _listener = null;
        lock (_sockets)
        {
            foreach (Socket socket in _sockets) socket.Dispose();
            _sockets.Clear();
        }
    }

    public void Dispose() => Cut();

    private async Task AcceptAsync(TcpListener listener)
    {
        try
        {
            while (true)
            {
                Socket near = await listener.AcceptSocketAsync();
                Socket far = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                lock (_sockets) _sockets.AddRange([near, far]);
                near.NoDelay = far.NoDelay = true;
                await far.ConnectAsync(IPAddress.Loopback, _to);
                _ = CopyAsync(near, far);
                _ = CopyAsync(far, near);
            }
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            // Cut.
        }
    }

    private static async Task CopyAsync(Socket from, Socket to)
    {
        byte[] buffer = new byte[256 * 1024];
        try
        {
            int count;
            while ((count = await from.ReceiveAsync(buffer)) > 0)
            {
                for (int sent = 0; sent < count;)
                    sent += await to.SendAsync(buffer.AsMemory(sent, count - sent));
            }
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            // Cut.
        }

        from.Dispose();
        to.Dispose();
    }
}
