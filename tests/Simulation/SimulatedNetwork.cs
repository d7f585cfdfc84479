using System.Net;
using Cstor.Engine.Host;

namespace Cstor.Tests.Simulation;

/// <summary>The network as one loop reaches it.</summary>
internal sealed class SimulatedNetwork(SimulatedLoop loop) : INetwork
{
    public Outcome<IListener> Listen(IPEndPoint endPoint)
    {
        loop.CheckIsCurrent();
        SimulatedLinks links = loop.Machine.Links;
        int port = endPoint.Port == 0 ? links.TakePort() : endPoint.Port;
        if (links.ListenerAt(loop.Node, port) is not null)
            return new Fault("address-in-use", $"{endPoint} is in use");
        SimulatedListener listener = new(loop, new IPEndPoint(endPoint.Address, port));
        links.Add(listener);
        return Outcome<IListener>.Ok(listener);
    }

    public async ValueTask<Outcome<IConnection>> ConnectAsync(IPEndPoint endPoint)
    {
        SimulatedLinks links = loop.Machine.Links;
        SimulatedNode? node = links.NodeAt(endPoint.Address, loop.Node);
        if (node is null) return new Fault("host-unreachable", $"{endPoint}: no route to host");
        await loop.DelayAsync(links.Latency(loop.Node, node) + links.Latency(node, loop.Node));
        if (!node.IsUp || !links.CanPass(loop.Node, node) || !links.CanPass(node, loop.Node))
        {
            await loop.DelayAsync(links.ConnectTimeoutNanoseconds);
            return new Fault("connect-timeout", $"{endPoint}: connection timed out");
        }

        if (links.ListenerAt(node, endPoint.Port) is not { } listener)
            return new Fault("connection-refused", $"{endPoint}: connection refused");
        (SimulatedConnection client, SimulatedConnection server) = links.Connect(loop, listener, endPoint);
        listener.Arrive(server);
        return Outcome<IConnection>.Ok(client);
    }
}
