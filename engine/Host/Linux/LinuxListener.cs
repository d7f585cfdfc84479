using System.Net;
using Cstor.Engine.Host.Linux.Abi;
using Cstor.PoolLayout;

namespace Cstor.Engine.Host.Linux;

/// <summary>A listening socket on the loop's ring.</summary>
internal sealed class LinuxListener : IListener
{
    private const long ShortageNanoseconds = 100_000_000;

    private readonly LinuxLoop _loop;
    private readonly AcceptOperation _accept;
    private readonly int _descriptor;
    private readonly RingFile _file;
    private bool _accepting;
    private bool _closed;
    private bool _released;

    public LinuxListener(LinuxLoop loop, int file, IPEndPoint localEndPoint)
    {
        _loop = loop;
        _descriptor = file;
        LocalEndPoint = localEndPoint;
        _accept = new AcceptOperation(loop);
        loop.Ring.Attach(_accept);
        _file = loop.Ring.Register(file);
    }

    public IPEndPoint LocalEndPoint { get; }

    public async ValueTask<IConnection?> AcceptAsync()
    {
        Check.That(!_accepting);
        _accepting = true;
        IConnection? connection = null;
        while (connection is null && !_closed && !_loop.IsStopping)
        {
            int result = await _accept.Start(_file);
            if (result >= 0) connection = Adopt(result);
            // A connection that died in the queue concerns nobody else. Shortage (EMFILE and its kin), and
            // whatever else there may be, is waited out rather than tried in circles.
            else if (-result is not (Errno.EINTR or Errno.EAGAIN or Errno.ECONNABORTED) && !_closed)
                await _loop.DelayAsync(ShortageNanoseconds);
        }

        _accepting = false;
        if (_closed) Release();
        return connection;
    }

    public void Close()
    {
        if (_closed) return;
        _closed = true;
        // Ends an accept under way, and lets the port go at once.
        _ = Libc.Shutdown(_descriptor);
        if (!_accepting) Release();
    }

    private LinuxConnection? Adopt(int file)
    {
        IPEndPoint? local = SocketAddress.LocalOf(file);
        IPEndPoint? remote = SocketAddress.PeerOf(file);
        if (_closed || local is null || remote is null)
        {
            _ = Libc.Close(file);
            return null;
        }

        SocketOptions.SetConnected(file);
        return new LinuxConnection(_loop, file, local, remote);
    }

    private void Release()
    {
        if (_released) return;
        _released = true;
        _loop.Ring.Unregister(_file);
        _loop.Ring.Detach(_accept);
        _ = Libc.Close(_descriptor);
    }
}
