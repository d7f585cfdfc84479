using System.Net;
using Cstor.Engine.Host;
using Cstor.Engine.Volumes;
using Cstor.Target;
using Cstor.Tests.Simulation;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Cstor.Tests.Target;

/// <summary>
/// A target server and initiators on the simulated machine: virtual time, segments of any size. When the
/// test is over the server is closed and must have given back every buffer and task.
/// </summary>
internal sealed class TargetFixture : IDisposable
{
    public const string Iqn = "iqn.2026-11.io.cstor:tank.db";
    public const int Port = 3260;

    private readonly SimulatedMachine _machine;
    private readonly SimulatedNode _serverNode;
    private readonly List<TestInitiator> _initiators = [];

    public TargetFixture(
        ulong seed = 1, TargetOptions? options = null, IBlockVolume? volume = null, ChapSettings? chap = null,
        string[]? allowed = null, int? logicalBlockBytes = null)
    {
        _machine = new SimulatedMachine(seed) { AllowsForeignLoops = true };
        _serverNode = _machine.AddNode("server");
        ServerLoop = _serverNode.CreateLoop();
        ClientLoop = _machine.AddNode("client").CreateLoop();
        Volume = volume as MemoryVolume ?? new MemoryVolume("tank/db", 64L * 1024 * 1024);
        Server = new TargetServer(ServerLoop, NullLogger.Instance, options ?? new TargetOptions());
        Definition = new TargetDefinition(Iqn, volume ?? Volume, chap, allowed, logicalBlockBytes);
    }

    public SimulatedLoop ServerLoop { get; }

    public SimulatedLoop ClientLoop { get; }

    public IPAddress ServerAddress => _serverNode.Address;

    public SimulatedMachine Machine => _machine;

    public TargetServer Server { get; }

    public MemoryVolume Volume { get; }

    public TargetDefinition Definition { get; }

    /// <summary>Logs one initiator in, takes its unit attentions and runs the test.</summary>
    public static void Run(Func<TargetFixture, TestInitiator, ValueTask> test, TargetFixture? fixture = null)
    {
        using TargetFixture used = fixture ?? new TargetFixture();
        used.RunBare(async () =>
        {
            TestInitiator initiator = await used.LoggedInAsync();
            await test(used, initiator);
        });
    }

    /// <summary>Runs the test against a listening server, closes it and looks for what leaked.</summary>
    public void RunBare(Func<ValueTask> test)
    {
        RunEnd end = _machine.Run(ServerLoop, async () =>
        {
            Assert.True(Server.AddTarget(Definition).IsOk);
            Assert.True(Server.Listen(new IPEndPoint(_serverNode.Address, Port)).IsOk);
            await test();
            Volume.Gate?.TrySetResult();
            foreach (TestInitiator initiator in _initiators) initiator.Dispose();
            await Server.CloseAsync();
        });
        Assert.Equal(RunEnd.Completed, end);
        Assert.Equal(0, Server.ConnectionCount);
        Assert.Equal(0, Server.Tasks.RentedCount);
        Assert.Equal(0, Server.Budget.UsedBytes);
        Assert.Equal(0, ServerLoop.Buffers.RentedCount);
    }

    public async ValueTask<TestInitiator> ConnectAsync(int port = Port, SimulatedLoop? from = null)
    {
        SimulatedLoop loop = from ?? ClientLoop;
        Outcome<IConnection> connection = await loop.Network.ConnectAsync(
            new IPEndPoint(_serverNode.Address, port));
        var initiator = new TestInitiator(loop, connection.Value);
        _initiators.Add(initiator);
        return initiator;
    }

    public async ValueTask<TestInitiator> LoggedInAsync(string name = "iqn.test:one", params string[] keys)
    {
        TestInitiator initiator = await ConnectAsync();
        Assert.Equal(0, await initiator.LoginAsync(name: name, more: keys));
        await initiator.SettleAsync();
        return initiator;
    }

    public static byte[] Pattern(int lengthBytes, int seed = 1)
    {
        byte[] bytes = new byte[lengthBytes];
        for (int i = 0; i < lengthBytes; i++) bytes[i] = unchecked((byte)(i * 7 + i / 509 + seed * 31 + 1));
        return bytes;
    }

    public void Dispose() => _machine.Dispose();
}
