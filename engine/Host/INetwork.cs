using System.Net;

namespace Cstor.Engine.Host;

/// <summary>TCP, as the target and the replication need it.</summary>
public interface INetwork
{
    /// <summary>
    /// Listens; port 0 chooses one. The reason of a failure names the address ("0.0.0.0:3260 is in use").
    /// </summary>
    Outcome<IListener> Listen(IPEndPoint endPoint);

    /// <summary>Connects; the outcome names address and reason.</summary>
    ValueTask<Outcome<IConnection>> ConnectAsync(IPEndPoint endPoint);
}

/// <summary>A listening socket.</summary>
public interface IListener
{
    IPEndPoint LocalEndPoint { get; }

    /// <summary>
    /// The next connection, or null once the listener is closed. Transient failures (EMFILE) are waited out
    /// inside.
    /// </summary>
    ValueTask<IConnection?> AcceptAsync();

    void Close();
}

/// <summary>
/// A connected TCP socket with TCP_NODELAY. At most one receive and one send are under way at a time.
/// </summary>
public interface IConnection
{
    IPEndPoint LocalEndPoint { get; }

    IPEndPoint RemoteEndPoint { get; }

    /// <summary>
    /// Bytes received, at least one; 0 when the peer ended or the connection broke or was closed.
    /// </summary>
    ValueTask<int> ReceiveAsync(IoSlice into);

    /// <summary>
    /// As <see cref="ReceiveAsync(IoSlice)"/> into several runs of memory (recvmsg). The span is copied
    /// before the call returns.
    /// </summary>
    ValueTask<int> ReceiveAsync(ReadOnlySpan<IoSlice> into);

    /// <summary>
    /// Sends all runs of memory in order (sendmsg, continued until all is out). The span is copied before
    /// the call returns.
    /// </summary>
    /// <returns>False when the connection broke or was closed.</returns>
    ValueTask<bool> SendAsync(ReadOnlySpan<IoSlice> pieces);

    /// <summary>
    /// Closes at once; a receive or send under way completes with 0 or false. Harmless when repeated.
    /// </summary>
    void Close();
}
