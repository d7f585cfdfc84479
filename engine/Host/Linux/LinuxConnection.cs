using System.Net;
using Cstor.PoolLayout;

namespace Cstor.Engine.Host.Linux;

/// <summary>
/// A TCP socket on the loop's ring. Close shuts the socket down, which makes the kernel end a receive or send
/// under way; the memory they use, and the descriptor, are let go when their completions have come, never
/// before.
/// </summary>
internal sealed class LinuxConnection : IConnection
{
    private readonly LinuxLoop _loop;
    private readonly ReceiveOperation _receive;
    private readonly SendOperation _send;
    private bool _released;

    public LinuxConnection(LinuxLoop loop, int file, IPEndPoint local, IPEndPoint remote)
    {
        _loop = loop;
        LocalEndPoint = local;
        RemoteEndPoint = remote;
        _receive = new ReceiveOperation(loop, this);
        _send = new SendOperation(loop, this);
        loop.Ring.Attach(_receive);
        loop.Ring.Attach(_send);
        File = loop.Ring.Register(file);
    }

    public IPEndPoint LocalEndPoint { get; }

    public IPEndPoint RemoteEndPoint { get; }

    public RingFile File { get; }

    public bool IsClosed { get; private set; }

    public ValueTask<int> ReceiveAsync(IoSlice into)
    {
        Check.That(!_receive.IsUnderWay && into.LengthBytes > 0);
        return IsClosed || _loop.IsStopping ? ValueTask.FromResult(0) : _receive.Start(into);
    }

    public ValueTask<int> ReceiveAsync(ReadOnlySpan<IoSlice> into)
    {
        Check.That(!_receive.IsUnderWay && into.Length > 0);
        return IsClosed || _loop.IsStopping ? ValueTask.FromResult(0) : _receive.Start(into);
    }

    public ValueTask<bool> SendAsync(ReadOnlySpan<IoSlice> pieces)
    {
        Check.That(!_send.IsUnderWay);
        return IsClosed || _loop.IsStopping ? ValueTask.FromResult(false) : _send.Start(pieces);
    }

    public void Close()
    {
        if (IsClosed) return;
        IsClosed = true;
        _ = Libc.Shutdown(File.Descriptor);
        OnOperationEnded();
    }

    /// <summary>Lets everything go once the connection is closed and nothing is under way.</summary>
    public void OnOperationEnded()
    {
        if (!IsClosed || _released || _receive.IsUnderWay || _send.IsUnderWay) return;
        _released = true;
        _loop.Ring.Unregister(File);
        _loop.Ring.Detach(_receive);
        _loop.Ring.Detach(_send);
        _receive.Dispose();
        _send.Dispose();
        _ = Libc.Close(File.Descriptor);
    }
}
