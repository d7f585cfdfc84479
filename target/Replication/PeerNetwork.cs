using System.Net;
using Cstor.Engine.Host;
using Microsoft.Extensions.Logging;

namespace Cstor.Target.Replication;

/// <summary>
/// A node's connections to its peers, one to each: of two nodes the one whose name comes first dials, again
/// and again with growing pauses, and the other accepts. Frames go to the groups that they are about.
/// </summary>
public sealed class PeerNetwork : IFrameHandler
{
    private const int MostPauses = 8;
    private const int MostUnproven = 16;

    private readonly ILoop _loop;
    private readonly ILogger _logger;
    private readonly byte[] _key;
    private readonly ReplicationTimings _timings;
    private readonly Dictionary<string, PeerConnection> _connections = new(StringComparer.Ordinal);
    private readonly Dictionary<string, IPEndPoint> _peers = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _reasons = new(StringComparer.Ordinal);
    private readonly Dictionary<Guid, IFrameHandler> _groups = [];
    private readonly ILoopTimer _timer;
    private IListener? _listener;
    private bool _isClosed;
    private int _unproven;

    /// <param name="loop">All groups live on it.</param>
    /// <param name="logger">Told why connections end.</param>
    /// <param name="name">Of this node: unique among all that share the key.</param>
    /// <param name="key">Shared, at least 16 bytes.</param>
    /// <param name="timings">The same on all nodes.</param>
    public PeerNetwork(ILoop loop, ILogger logger, string name, byte[] key, ReplicationTimings timings)
    {
        _loop = loop;
        _logger = logger;
        Name = name;
        _key = key;
        _timings = timings;
        _timer = loop.CreateTimer(OnTick);
        _timer.Start(timings.SilenceNanoseconds / 4);
    }

    /// <summary>Of this node.</summary>
    public string Name { get; }

    /// <summary>Of all groups.</summary>
    internal WindowMemory Windows { get; } = new();

    /// <summary>What goes to peers and comes from them is encrypted; the same on all nodes.</summary>
    public bool IsEncrypting { get; init; } = true;

    internal ReplicationTimings Timings => _timings;

    /// <summary>Listens for peers.</summary>
    public Outcome<IPEndPoint> Listen(IPEndPoint endPoint)
    {
        Outcome<IListener> listener = _loop.Network.Listen(endPoint);
        if (!listener.IsOk) return listener.Fault;
        _listener = listener.Value;
        Forward(AcceptAllAsync(_listener));
        return _listener.LocalEndPoint;
    }

    /// <summary>Says where a peer listens; replaces what was said of it before.</summary>
    public void AddPeer(string name, IPEndPoint endPoint)
    {
        if (_peers.TryGetValue(name, out IPEndPoint? before) && before.Equals(endPoint)) return;
        RemovePeer(name);
        _peers.Add(name, endPoint);
        if (string.CompareOrdinal(Name, name) < 0) Forward(DialAsync(name, endPoint));
    }

    /// <summary>Has nothing to do with that node any more.</summary>
    public void RemovePeer(string name)
    {
        _peers.Remove(name);
        _reasons.Remove(name);
        if (_connections.TryGetValue(name, out PeerConnection? connection)) Drop(name, connection);
    }

    /// <summary>All peers, by name.</summary>
    public IReadOnlyList<PeerStatus> Peers =>
    [
        .. _peers.OrderBy(static peer => peer.Key, StringComparer.Ordinal).Select(peer => new PeerStatus(
            peer.Key, peer.Value, IsUp(peer.Key),
            IsUp(peer.Key) ? "" : _reasons.GetValueOrDefault(peer.Key, ""))),
    ];

    /// <summary>Ends all connections.</summary>
    public void Close()
    {
        _isClosed = true;
        _timer.Stop();
        _listener?.Close();
        foreach (PeerConnection connection in _connections.Values.ToArray()) connection.Close();
    }

    void IFrameHandler.OnFrame(string peer, in Frame frame, IoSlice payload)
    {
        if (_groups.TryGetValue(frame.Group, out IFrameHandler? group)) group.OnFrame(peer, frame, payload);
    }

    void IFrameHandler.OnPeerChanged(string peer, bool isUp)
    {
        foreach (IFrameHandler group in _groups.Values.ToArray()) group.OnPeerChanged(peer, isUp);
    }

    internal void Join(Guid group, IFrameHandler handler) => _groups.Add(group, handler);

    internal void Leave(Guid group) => _groups.Remove(group);

    /// <summary>A connection to the peer is there.</summary>
    public bool IsUp(string peer) => _connections.ContainsKey(peer);

    /// <summary>What has yet to be sent to a peer.</summary>
    internal long QueuedBytes(string peer) =>
        _connections.TryGetValue(peer, out PeerConnection? connection) ? connection.QueuedBytes : 0;

    /// <summary>Sends if the peer is connected; nobody knows whether it arrives.</summary>
    internal void Send(string peer, in Frame frame, ReadOnlySpan<byte> payload)
    {
        if (_connections.TryGetValue(peer, out PeerConnection? connection)) connection.Send(frame, payload);
    }

    private async ValueTask AcceptAllAsync(IListener listener)
    {
        while (await listener.AcceptAsync() is { } accepted)
        {
            // Each has memory before anybody knows who is there.
            if (_unproven >= MostUnproven) accepted.Close();
            else Forward(ServeAsync(Connection(accepted, isDialer: false), null));
        }
    }

    private async ValueTask DialAsync(string peer, IPEndPoint endPoint)
    {
        // Until the peer is removed, or said to be elsewhere.
        for (int pauses = 1; IsPeerAt(peer, endPoint); pauses = Math.Min(MostPauses, pauses * 2))
        {
            Outcome<IConnection> dialed = await _loop.Network.ConnectAsync(endPoint);
            bool isWanted = IsPeerAt(peer, endPoint);
            if (dialed.IsOk && !isWanted) dialed.Value.Close();
            if (!isWanted) return;
            if (!dialed.IsOk) _reasons[peer] = dialed.Fault.Message;
            else if (await ServeAsync(Connection(dialed.Value, isDialer: true), peer))
                pauses = 1;
            await _loop.DelayAsync(pauses * _timings.RedialNanoseconds);
        }
    }

    private PeerConnection Connection(IConnection connection, bool isDialer) =>
        new(_loop, connection, Name, isDialer, IsEncrypting);

    private bool IsPeerAt(string peer, IPEndPoint endPoint) =>
        !_isClosed && _peers.TryGetValue(peer, out IPEndPoint? known) && ReferenceEquals(known, endPoint);

    // True if it came to be used.
    private async ValueTask<bool> ServeAsync(PeerConnection connection, string? expected)
    {
        string? reason = await OpenInTimeAsync(connection, expected);
        if (reason is null && !_isClosed)
        {
            string peer = connection.Peer;
            // The peer that dials anew has given up the old one.
            if (_connections.TryGetValue(peer, out PeerConnection? old)) Drop(peer, old);
            _connections[peer] = connection;
            ReplicationLog.Connected(_logger, peer);
            ((IFrameHandler)this).OnPeerChanged(peer, isUp: true);
            string ended = await connection.RunAsync(this);
            ReplicationLog.Ended(_logger, peer, ended);
            if (_peers.ContainsKey(peer)) _reasons[peer] = ended;
            Drop(peer, connection);
            connection.Dispose();
            return true;
        }

        if (reason is not null && _reasons.GetValueOrDefault(expected ?? "") != reason)
            ReplicationLog.NotConnected(_logger, expected ?? "a peer", reason);
        if (reason is not null && expected is not null) _reasons[expected] = reason;
        connection.Dispose();
        return false;
    }

    private async ValueTask<string?> OpenInTimeAsync(PeerConnection connection, string? expected)
    {
        ILoopTimer timer = _loop.CreateTimer(connection.Close);
        timer.Start(_timings.SilenceNanoseconds);
        _unproven++;
        string? reason = await connection.OpenAsync(_key, expected);
        _unproven--;
        timer.Stop();
        if (reason is null && expected is null && !_peers.ContainsKey(connection.Peer))
            return $"{connection.Peer} is no peer of this node";
        return connection.IsClosed ? reason ?? "it took too long" : reason;
    }

    private void Drop(string peer, PeerConnection connection)
    {
        connection.Close();
        if (!_connections.TryGetValue(peer, out PeerConnection? current) || current != connection) return;
        _connections.Remove(peer);
        ((IFrameHandler)this).OnPeerChanged(peer, isUp: false);
    }

    private void OnTick()
    {
        foreach (PeerConnection connection in _connections.Values.ToArray())
        {
            if (_loop.NowNanoseconds - connection.HeardNanoseconds > _timings.SilenceNanoseconds)
                connection.Close();
            else
                connection.Send(new Frame { Kind = FrameKind.Ping }, []);
        }

        if (!_isClosed) _timer.Start(_timings.SilenceNanoseconds / 4);
    }

    private static async void Forward(ValueTask work) => await work;

    private static async void Forward(ValueTask<bool> work) => await work;
}
