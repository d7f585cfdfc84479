using Cstor.Engine.Host;
using Cstor.Engine.Replicas;
using Cstor.Target.Replication;
using Xunit;
using static Cstor.Tests.Simulation.Replication.ClusterBlocks;

namespace Cstor.Tests.Simulation.Replication;

/// <summary>Peers that say of themselves what is not so.</summary>
public sealed class FalsePeerTests
{
    [Fact]
    public void A_replica_that_claims_more_than_its_leader_has_is_compared()
    {
        using Cluster cluster = new(61, 3);
        cluster.Run(async () =>
        {
            await cluster.StartAsync();
            ClusterNode leader = await cluster.AwaitLeaderAsync();
            await cluster.AwaitInSyncAsync(3);
            ClusterNode liar = cluster.Nodes.First(node => node != leader);
            PeerProgress progress = PeerOf(leader, liar);
            foreach (ClusterNode peer in cluster.Nodes.Where(node => node != liar))
                cluster.Machine.Links.CutBoth(liar.Node, peer.Node);
            await cluster.AwaitInSyncAsync(2);
            Assert.Equal(IoStatus.Ok, await WriteAsync(cluster, leader, 5, 2));
            ulong epoch = leader.Member!.Leader!.Epoch;
            await cluster.OnAsync(liar.Loop!, () =>
            {
                liar.Replica!.Position = new ReplicaPosition(epoch, 1_000_000);
                return ValueTask.FromResult(true);
            });
            cluster.Machine.Links.HealAll();
            await cluster.AwaitInSyncAsync(3);
            Assert.True(progress.CatchUp!.IsComparing);
            await cluster.AssertEqualAsync();
        });
    }

    [Fact]
    public void Who_acknowledges_what_was_never_sent_is_not_counted_until_it_has_caught_up()
    {
        using Cluster cluster = new(62, 3);
        cluster.Run(async () =>
        {
            await cluster.StartAsync();
            ClusterNode leader = await cluster.AwaitLeaderAsync();
            await cluster.AwaitInSyncAsync(3);
            ClusterNode liar = cluster.Nodes.First(node => node != leader);
            ulong epoch = leader.Member!.Leader!.Epoch;
            await cluster.OnAsync(liar.Loop!, () =>
            {
                liar.Member!.Send(leader.Name, new Frame
                {
                    Kind = FrameKind.Applied,
                    Epoch = epoch,
                    Index = 1_000_000,
                });
                return ValueTask.FromResult(true);
            });
            await cluster.UntilAsync(
                () => PeerOf(leader, liar).LastFault.Contains("not sent", StringComparison.Ordinal), 1000,
                "it is found out");
            Assert.InRange(PeerOf(leader, liar).Acknowledged, 0ul, 1000ul);
            Assert.Equal(IoStatus.Ok, await WriteAsync(cluster, leader, 5, 2));
            await cluster.AwaitInSyncAsync(3);
            await cluster.AssertEqualAsync();
        });
    }

    private static PeerProgress PeerOf(ClusterNode leader, ClusterNode peer) =>
        leader.Member!.Leader!.Peers.Single(progress => progress.Name == peer.Name);
}
