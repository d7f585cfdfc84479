using System.Net;
using Cstor.Daemon.Replicas;
using Cstor.Daemon.State;
using Cstor.Engine.Host;
using Cstor.Target.Replication;
using Cstor.Tests.Host.Linux;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Cstor.Tests.Daemon.Replicas;

public sealed class PeerServiceTests
{
    private static readonly byte[] Key = new byte[32];

    [Theory]
    [InlineData("{")]
    [InlineData("null")]
    [InlineData("[1, 2]")]
    public async Task An_answer_that_makes_no_sense_is_a_fault(string answer)
    {
        using ScratchDirectory folder = new();
        using LoopFixture fixture = new();
        PeerNetwork here = Network(fixture, "here");
        PeerNetwork there = Network(fixture, "there");
        IPEndPoint endPoint = fixture.Run(() =>
        {
            IPEndPoint listening = there.Listen(new IPEndPoint(IPAddress.Loopback, 0)).Value;
            NodeMessages answering = new(fixture.Loop, there, (_, _) => ValueTask.FromResult(answer));
            there.AddPeer("here", new IPEndPoint(IPAddress.Loopback, 9));
            here.AddPeer("there", listening);
            return ValueTask.FromResult(listening);
        });
        PeerService service = new(
            fixture.Loop, here, endPoint, PeerFile.Load(folder.Path).Value, NullLogger.Instance);
        fixture.Run(() =>
        {
            service.Start(static _ => Task.FromResult(new PeerReply(null)));
            return ValueTask.FromResult(true);
        });
        for (int i = 0; i < 500 && !fixture.Run(() => ValueTask.FromResult(here.IsUp("there"))); i++)
            await Task.Delay(10);
        Outcome<PeerReply> reply = await service.AskAsync("there", new PeerRequest("anything", Guid.Empty));
        Assert.Equal("peer-answer", reply.Fault?.Code);
        fixture.Run(() =>
        {
            here.Close();
            there.Close();
            return ValueTask.FromResult(true);
        });
    }

    private static PeerNetwork Network(LoopFixture fixture, string name) => fixture.Run(() =>
        ValueTask.FromResult(new PeerNetwork(
            fixture.Loop, NullLogger.Instance, name, Key, new ReplicationTimings())));
}
