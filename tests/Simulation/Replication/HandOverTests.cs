using Cstor.Engine.Host;
using Cstor.Target.Replication;
using Xunit;
using static Cstor.Tests.Simulation.Replication.ClusterBlocks;

namespace Cstor.Tests.Simulation.Replication;

/// <summary>Another node takes over because somebody wants it, not because one was lost.</summary>
public sealed class HandOverTests
{
    private const long Millisecond = 1_000_000;

    [Fact]
    public void A_hand_over_takes_milliseconds_and_compares_nothing()
    {
        using Cluster cluster = new(41, 3);
        cluster.Machine.Links.Spike = 0;
        cluster.Run(async () =>
        {
            ClusterNode leader = await StartAsync(cluster);
            for (byte round = 2; round < 8; round++)
            {
                ClusterNode next = cluster.Nodes.First(node => node != leader);
                Task<IoStatus>[] writes =
                    [.. Enumerable.Range(0, 50).Select(block => WriteAsync(cluster, leader, block, round))];
                long begun = cluster.Machine.NowNanoseconds;
                Assert.Null(await cluster.HandOverAsync(leader, next));
                await cluster.UntilAsync(() => cluster.Leader == next, 1000, "the other leads");
                Assert.InRange(cluster.Machine.NowNanoseconds - begun, 0, 100 * Millisecond);
                foreach (Task<IoStatus> write in writes)
                    Assert.True(await write is IoStatus.Ok or IoStatus.NotLeader);
                await cluster.AwaitInSyncAsync(3, 1000);
                foreach (ReplicaStatus replica in next.Member!.Status().Replicas)
                    Assert.Equal(0, replica.NodesCompared);
                for (int block = 0; block < 50; block++)
                    if (await writes[block] == IoStatus.Ok)
                        Assert.Equal(round, await ReadAsync(cluster, next, block));
                Assert.Equal(IoStatus.Ok, await WriteAsync(cluster, next, 60, round));
                await cluster.AssertEqualAsync();
                leader = next;
            }
        });
    }

    [Fact]
    public void A_leader_that_is_stopped_in_good_order_hands_over_first()
    {
        using Cluster cluster = new(42, 3);
        cluster.Machine.Links.Spike = 0;
        cluster.Run(async () =>
        {
            ClusterNode leader = await StartAsync(cluster);
            long begun = cluster.Machine.NowNanoseconds;
            ValueTask stopping = leader.StopAsync();
            ClusterNode next = await cluster.AwaitLeaderAsync(1000);
            Assert.Equal(IoStatus.Ok, await WriteAsync(cluster, next, 5, 2));
            Assert.InRange(cluster.Machine.NowNanoseconds - begun, 0, 200 * Millisecond);
            await stopping;
            Assert.Equal(2, await ReadAsync(cluster, next, 5));
            leader.Start();
            await cluster.AwaitInSyncAsync(3);
            await cluster.AssertEqualAsync();
        });
    }

    [Fact]
    public void Nobody_waits_for_a_follower_that_is_stopped_in_good_order()
    {
        using Cluster cluster = new(43, 3);
        cluster.Machine.Links.Spike = 0;
        cluster.Run(async () =>
        {
            ClusterNode leader = await StartAsync(cluster);
            ClusterNode follower = cluster.Nodes.First(node => node != leader);
            ValueTask stopping = follower.StopAsync();
            for (int block = 0; block < 100; block++)
            {
                long begun = cluster.Machine.NowNanoseconds;
                Assert.Equal(IoStatus.Ok, await WriteAsync(cluster, leader, block, 2));
                Assert.InRange(cluster.Machine.NowNanoseconds - begun, 0, 100 * Millisecond);
            }

            await stopping;
        });
    }

    [Fact]
    public void Where_the_other_is_lost_at_that_moment_somebody_leads_soon_and_nothing_is_lost()
    {
        for (ulong seed = 44; seed < 60; seed++)
        {
            using Cluster cluster = new(seed, 3);
            cluster.Run(async () =>
            {
                ClusterNode leader = await StartAsync(cluster);
                ClusterNode next = cluster.Nodes.First(node => node != leader);
                Assert.Equal(IoStatus.Ok, await WriteAsync(cluster, leader, 7, 9));
                Task<Fault?> handedOver = cluster.HandOverAsync(leader, next);
                await cluster.Loop.DelayAsync((long)(cluster.Machine.Seed - 43) * Millisecond / 2);
                next.Crash(CrashMode.DropUnflushed);
                await cluster.UntilAsync(() => handedOver.IsCompleted, 10_000, "the request has ended");
                await cluster.UntilAsync(
                    () => cluster.Leader is { } now && now != next, 10_000, "somebody else leads");
                Assert.Equal(9, await ReadAsync(cluster, cluster.Leader!, 7));
                next.Start();
                await cluster.AwaitInSyncAsync(3);
                await cluster.AssertEqualAsync();
            });
        }
    }

    private static async Task<ClusterNode> StartAsync(Cluster cluster)
    {
        await cluster.StartAsync();
        ClusterNode leader = await cluster.AwaitLeaderAsync();
        await cluster.AwaitInSyncAsync(3);
        for (int block = 0; block < 100; block++)
            Assert.Equal(IoStatus.Ok, await WriteAsync(cluster, leader, block, 1));
        return leader;
    }
}
