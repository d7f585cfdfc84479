using System.Buffers.Binary;
using System.Net;
using Cstor.Engine.Host;
using Cstor.Target;
using Cstor.Tests.Target;

namespace Cstor.Tests.Simulation.Replication;

/// <summary>A cluster's volume served to initiators on every node, a port each, and commands through them.
/// </summary>
internal sealed class ClusterTargets(Cluster cluster)
{
    private const int Port = 3260;
    private const string Iqn = TargetFixture.Iqn;

    /// <summary>Serves the volume on a node that is up.</summary>
    public Task ServeAsync(ClusterNode node) => cluster.OnAsync(node.Loop!, () =>
    {
        TargetServer server = new(node.Loop!, cluster.Log, new TargetOptions());
        server.AddTarget(new TargetDefinition(Iqn, node.Volume!));
        server.SetPorts(Iqn, PortOf(node),
            [.. cluster.Replicas.Select(replica => new TargetPort(PortOf(replica), replica == node))]);
        return ValueTask.FromResult(server.Listen(new IPEndPoint(node.Node.Address, Port)).IsOk);
    });

    /// <summary>Relative target port identifier.</summary>
    public ushort PortOf(ClusterNode node) => (ushort)(cluster.Nodes.IndexOf(node) + 1);

    /// <summary>The same port of the initiator on every node.</summary>
    public async ValueTask<TestInitiator> LogInAsync(ClusterNode node, string name)
    {
        Outcome<IConnection> connection = await cluster.Loop.Network.ConnectAsync(
            new IPEndPoint(node.Node.Address, Port));
        TestInitiator initiator = new(cluster.Loop, connection.Value);
        if (await initiator.LoginAsync(name: "iqn.test:" + name) != 0)
            throw new SimulationException($"{node.Name} takes no login");
        await initiator.SettleAsync();
        return initiator;
    }

    /// <summary>PERSISTENT RESERVE OUT; the sense code, or the status.</summary>
    public static async ValueTask<int> OutAsync(
        TestInitiator from, int action, ulong key, ulong actionKey, byte type = 0, byte flags = 0)
    {
        byte[] list = new byte[24];
        BinaryPrimitives.WriteUInt64BigEndian(list, key);
        BinaryPrimitives.WriteUInt64BigEndian(list.AsSpan(8), actionKey);
        list[20] = flags;
        return await OutAsync(from, action, list, type);
    }

    public static async ValueTask<int> OutAsync(TestInitiator from, int action, byte[] list, byte type = 0)
    {
        ScsiAnswer answer = await from.WriteAsync(
            [0x5f, (byte)action, type, 0, 0, 0, 0, 0, (byte)list.Length, 0], list);
        return answer.SenseCode != 0 ? answer.SenseCode : answer.Status;
    }

    /// <summary>PERSISTENT RESERVE IN.</summary>
    public static async ValueTask<byte[]> InAsync(TestInitiator from, int action)
    {
        ScsiAnswer answer = await from.ReadAsync([0x5e, (byte)action, 0, 0, 0, 0, 0, 8, 0, 0], 2048);
        return answer.IsGood
            ? answer.Data
            : throw new SimulationException($"status {answer.Status:x2}, {answer.SenseCode:x6}");
    }

    /// <summary>Writes a logical block; the sense code, or the status.</summary>
    public static async ValueTask<int> WriteAsync(TestInitiator from, uint block = 0)
    {
        ScsiAnswer answer = await from.WriteAsync(Cdb.Ten(0x2a, block, 1), new byte[512]);
        return answer.SenseCode != 0 ? answer.SenseCode : answer.Status;
    }

    public static async ValueTask<int> ReadAsync(TestInitiator from, uint block = 0)
    {
        ScsiAnswer answer = await from.ReadAsync(Cdb.Ten(0x28, block, 1), 512);
        return answer.SenseCode != 0 ? answer.SenseCode : answer.Status;
    }
}
