// The wires between the nodes. TCP hides loss, so what a program sees of a bad network is delay, silence and
// reset: a cut link holds what is sent until it heals, and breaks the sender's connection after
// BreakAfterNanoseconds, as retransmission does. Each direction is cut by itself; a peer that lost power is
// silence until it is up again, and a reset from then on.
using System.Net;
using Cstor.PoolLayout;

namespace Cstor.Tests.Simulation;

public sealed class SimulatedLinks
{
    private readonly SimulatedMachine _machine;
    private readonly HashSet<(SimulatedNode From, SimulatedNode To)> _cuts = [];
    private readonly List<SimulatedListener> _listeners = [];
    private readonly List<SimulatedConnection> _connections = [];
    private int _nextPort = 40_000;

    internal SimulatedLinks(SimulatedMachine machine) => _machine = machine;

    /// <summary>One way, at the least.</summary>
    public long LatencyLowNanoseconds { get; set; } = 20_000;

    /// <summary>One way, at the most (but for rare spikes).</summary>
    public long LatencyHighNanoseconds { get; set; } = 200_000;

    /// <summary>For each chunk: a spike of up to 250 ms, as a lost and repeated packet causes.</summary>
    public double Spike { get; set; } = 0.001;

    /// <summary>For each chunk: one of its bits arrives wrong, which no checksum of TCP has caught.</summary>
    public double Damage { get; set; }

    /// <summary>How long sent data may stay undelivered before the connection breaks.</summary>
    public long BreakAfterNanoseconds { get; set; } = 20_000_000_000;

    /// <summary>How long a connect waits for an answer.</summary>
    public long ConnectTimeoutNanoseconds { get; set; } = 5_000_000_000;

    /// <summary>Cuts one direction.</summary>
    public void Cut(SimulatedNode from, SimulatedNode to) => _cuts.Add((from, to));

    /// <summary>Cuts both directions.</summary>
    public void CutBoth(SimulatedNode one, SimulatedNode other)
    {
        Cut(one, other);
        Cut(other, one);
    }

    /// <summary>Cuts a node off from all others.</summary>
    public void Isolate(SimulatedNode node)
    {
        foreach (SimulatedNode other in _machine.Nodes.Where(other => other != node)) CutBoth(node, other);
    }

    /// <summary>Mends both directions.</summary>
    public void Heal(SimulatedNode one, SimulatedNode other)
    {
        _cuts.Remove((one, other));
        _cuts.Remove((other, one));
    }

    public void HealAll() => _cuts.Clear();

    /// <summary>Resets every connection between two nodes, at both ends.</summary>
    public void ResetConnections(SimulatedNode one, SimulatedNode other)
    {
        foreach (SimulatedConnection connection in _connections.ToArray())
        {
            if ((connection.Loop.Node == one && connection.Peer.Loop.Node == other)
                || (connection.Loop.Node == other && connection.Peer.Loop.Node == one))
                connection.Break();
        }
    }

    /// <summary>Open connection ends of a node.</summary>
    public int ConnectionCount(SimulatedNode node) =>
        _connections.Count(connection => connection.Loop.Node == node && !connection.Loop.IsDead);

    internal bool CanPass(SimulatedNode from, SimulatedNode to) => !_cuts.Contains((from, to));

    internal long Latency(SimulatedNode from, SimulatedNode to)
    {
        if (from == to) return _machine.Latency(8_000, 60_000);
        bool isSpike = _machine.Schedule.Chance(Spike);
        return _machine.Latency(LatencyLowNanoseconds, isSpike ? 250_000_000 : LatencyHighNanoseconds);
    }

    internal SimulatedNode? NodeAt(IPAddress address, SimulatedNode asker) =>
        IPAddress.IsLoopback(address)
            ? asker
            : _machine.Nodes.FirstOrDefault(node => node.Address.Equals(address));

    internal SimulatedListener? ListenerAt(SimulatedNode node, int port) =>
        _listeners.Find(listener => listener.Loop.Node == node && listener.LocalEndPoint.Port == port);

    internal int TakePort() => _nextPort++;

    internal void Add(SimulatedListener listener) => _listeners.Add(listener);

    internal void Remove(SimulatedListener listener) => _listeners.Remove(listener);

    /// <summary>Both ends of a new connection: the connecting one first.</summary>
    internal (SimulatedConnection Client, SimulatedConnection Server) Connect(
        SimulatedLoop from, SimulatedListener to, IPEndPoint remote)
    {
        IPAddress source = IPAddress.IsLoopback(remote.Address) ? remote.Address : from.Node.Address;
        IPEndPoint local = new(source, TakePort());
        SimulatedConnection client = new(from, local, remote);
        SimulatedConnection server = new(to.Loop, remote, local);
        client.JoinTo(server);
        server.JoinTo(client);
        _connections.Add(client);
        _connections.Add(server);
        return (client, server);
    }

    internal void Remove(SimulatedConnection connection) => _connections.Remove(connection);

    internal void OnPowerCut(SimulatedNode node)
    {
        Check.That(!node.IsUp);
        _listeners.RemoveAll(listener => listener.Loop.Node == node);
        _connections.RemoveAll(connection => connection.Loop.Node == node);
    }

    internal void OnKilled(SimulatedNode node)
    {
        foreach (SimulatedConnection connection in _connections.Where(c => c.Loop.Node == node).ToArray())
            connection.EndByKernel();
        OnPowerCut(node);
    }
}
