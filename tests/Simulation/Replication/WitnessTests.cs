using Cstor.Engine.Host;
using Xunit;
using static Cstor.Tests.Simulation.Replication.ClusterBlocks;

namespace Cstor.Tests.Simulation.Replication;

/// <summary>The witness is changed while the volume is in use.</summary>
public sealed class WitnessTests
{
    [Fact]
    public void Two_replicas_get_a_witness_and_then_survive_the_loss_of_either()
    {
        using Cluster cluster = new(91, 2, hasSpareWitness: true);
        cluster.Run(async () =>
        {
            ClusterNode leader = await StartAsync(cluster, 2);
            Assert.Null(await cluster.AddWitnessAsync(leader, Other(cluster)));
            Assert.Equal("other", leader.Member!.Leader!.Configuration.Witness);
            Assert.Equal(3, leader.Member.Leader.Configuration.Voters.Count);
            leader.Crash(CrashMode.DropUnflushed);
            ClusterNode next = await cluster.AwaitLeaderAsync();
            Assert.NotEqual(leader, next);
            Assert.Equal(1, await ReadAsync(cluster, next, 3));
            Assert.Equal(IoStatus.Ok, await WriteAsync(cluster, next, 3, 2));
        });
    }

    [Fact]
    public void One_replica_that_lost_the_other_goes_on_with_a_witness()
    {
        using Cluster cluster = new(92, 2, hasSpareWitness: true);
        cluster.Run(async () =>
        {
            ClusterNode leader = await StartAsync(cluster, 2);
            ClusterNode dead = cluster.Replicas.First(node => node != leader);
            dead.Crash(CrashMode.DropUnflushed);
            Task<IoStatus> held = WriteAsync(cluster, leader, 3, 2);
            await cluster.PauseAsync(3000);
            Assert.False(held.IsCompleted);
            Assert.Null(await cluster.AddWitnessAsync(leader, Other(cluster)));
            Assert.Equal(IoStatus.Ok, await held);
            dead.Start();
            await cluster.AwaitWholeAsync();
            await cluster.AssertEqualAsync();
        });
    }

    [Fact]
    public void Another_node_becomes_the_witness_and_the_old_one_votes_no_more()
    {
        using Cluster cluster = new(93, 2, hasWitness: true, hasSpareWitness: true);
        cluster.Run(async () =>
        {
            ClusterNode leader = await StartAsync(cluster, 2);
            ClusterNode old = cluster.Nodes.First(static node => node is { IsWitness: true, IsActive: true });
            Assert.NotNull(await cluster.AddWitnessAsync(leader, Other(cluster)));
            Assert.Null(await cluster.SetWitnessAsync(leader, ""));
            Assert.Equal(2, leader.Member!.Leader!.Configuration.MinimumCopies);
            Assert.NotNull(await cluster.SetWitnessAsync(leader, ""));
            Assert.Null(await cluster.SetWitnessAsync(leader, "other"));
            await cluster.UntilAsync(() => old.Member!.IsRemoved, 5000, "the old one knows");
            old.Retire();
            leader.Crash(CrashMode.DropUnflushed);
            ClusterNode next = await cluster.AwaitLeaderAsync();
            Assert.Equal(1, await ReadAsync(cluster, next, 3));
            leader.Start();
            await cluster.AwaitWholeAsync();
            await cluster.AssertEqualAsync();
        });
    }

    [Fact]
    public void What_would_leave_too_few_is_refused_and_changes_nothing()
    {
        using Cluster cluster = new(94, 2, hasWitness: true);
        cluster.Run(async () =>
        {
            ClusterNode leader = await StartAsync(cluster, 2);
            ClusterNode dead = cluster.Replicas.First(node => node != leader);
            Assert.NotNull(await cluster.SetWitnessAsync(leader, dead.Name));
            dead.Crash(CrashMode.DropUnflushed);
            await cluster.AwaitInSyncAsync(1);
            Fault? fault = await cluster.SetWitnessAsync(leader, "");
            Assert.Equal("replica-needed", fault?.Code);
            Assert.Equal("witness", leader.Member!.Leader!.Configuration.Witness);
            Assert.Equal(IoStatus.Ok, await WriteAsync(cluster, leader, 3, 2));
        });
    }

    private static ClusterNode Other(Cluster cluster) =>
        cluster.Nodes.Single(static node => node.Name == "other");

    private static async ValueTask<ClusterNode> StartAsync(Cluster cluster, int count)
    {
        await cluster.StartAsync();
        await cluster.AwaitInSyncAsync(count);
        Assert.Equal(IoStatus.Ok, await WriteAsync(cluster, cluster.Leader!, 3, 1));
        return cluster.Leader!;
    }
}
