using Cstor.Engine.Host;
using Cstor.Target.Replication;
using Xunit;
using static Cstor.Tests.Simulation.Replication.ClusterBlocks;

namespace Cstor.Tests.Simulation.Replication;

/// <summary>Replicas are added, removed, moved and replaced while the volume is in use.</summary>
public sealed class MembershipTests
{
    [Fact]
    public void A_replica_is_added_and_counts_once_it_has_caught_up()
    {
        using Cluster cluster = new(31, 3, spares: 1);
        cluster.Run(async () =>
        {
            ClusterNode leader = await StartAsync(cluster, blocks: 300);
            ClusterNode spare = cluster.Spares.Single();
            Assert.Null(await cluster.AddAsync(leader, spare));
            GroupConfiguration joining = leader.Member!.Leader!.Configuration;
            Assert.True(joining.PlaceOf(spare.Name)!.IsJoining);
            Assert.Equal(3, joining.Voters.Count);
            for (int block = 0; block < 100; block++)
                Assert.Equal(IoStatus.Ok, await WriteAsync(cluster, leader, block, 2));
            await cluster.AwaitWholeAsync();
            Assert.Equal(4, leader.Member.Leader!.Configuration.InSync.Count);
            Assert.Equal(3, leader.Member.Leader.Configuration.Quorum);
            await cluster.AssertEqualAsync();
            // It may lead like any other.
            Assert.Null(await cluster.HandOverAsync(leader, spare));
            await cluster.UntilAsync(() => cluster.Leader == spare, 1000, "the new replica leads");
            Assert.Equal(2, await ReadAsync(cluster, spare, 99));
            Assert.Equal(1, await ReadAsync(cluster, spare, 299));
        });
    }

    [Fact]
    public void A_dead_replica_is_replaced()
    {
        using Cluster cluster = new(32, 3, spares: 1);
        cluster.Run(async () =>
        {
            ClusterNode leader = await StartAsync(cluster, blocks: 100);
            ClusterNode dead = cluster.Nodes.First(node => node != leader && node.IsActive);
            dead.Crash(CrashMode.DropUnflushed);
            Assert.Equal(IoStatus.Ok, await WriteAsync(cluster, leader, 1, 2));
            Assert.Null(await cluster.RemoveAsync(leader, dead));
            dead.Retire();
            Assert.Null(await cluster.AddAsync(leader, cluster.Spares.Single(node => node != dead)));
            await cluster.AwaitWholeAsync();
            Assert.Equal(3, leader.Member!.Leader!.Configuration.Voters.Count);
            Assert.False(leader.Member.Leader.Configuration.Has(dead.Name));
            await cluster.AssertEqualAsync();
        });
    }

    [Fact]
    public void Of_two_replicas_the_dead_one_is_removed_and_the_other_serves_on()
    {
        using Cluster cluster = new(33, 2);
        cluster.Run(async () =>
        {
            ClusterNode leader = await StartAsync(cluster, blocks: 10);
            ClusterNode dead = cluster.Nodes.First(node => node != leader);
            dead.Crash(CrashMode.DropUnflushed);
            Task<IoStatus> held = WriteAsync(cluster, leader, 1, 2);
            await cluster.PauseAsync(3000);
            Assert.False(held.IsCompleted);
            Assert.Null(await cluster.RemoveAsync(leader, dead));
            Assert.Equal(IoStatus.Ok, await held);
            Assert.Equal(2, await ReadAsync(cluster, leader, 1));
        });
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Whoever_was_removed_learns_it_and_disturbs_nobody(bool isDownMeanwhile)
    {
        using Cluster cluster = new(34, 3, spares: 1);
        cluster.Run(async () =>
        {
            ClusterNode leader = await StartAsync(cluster, blocks: 10);
            Assert.Null(await cluster.AddAsync(leader, cluster.Spares.Single()));
            await cluster.AwaitWholeAsync();
            ClusterNode removed = cluster.Nodes.First(node => node != leader);
            if (isDownMeanwhile) removed.Crash(CrashMode.DropUnflushed);
            Assert.Null(await cluster.RemoveAsync(leader, removed));
            if (isDownMeanwhile)
            {
                // Who leads then does not remember whom it has not told.
                ClusterNode next = cluster.Replicas.First(node => node != leader && node != removed);
                Assert.Null(await cluster.HandOverAsync(leader, next));
                leader = await cluster.AwaitLeaderAsync();
                removed.Start();
                await cluster.UntilAsync(() => removed.IsUp, 5000, "it is up");
            }

            await cluster.UntilAsync(() => removed.Member!.IsRemoved, 10_000, "it knows");
            ulong epoch = leader.Member!.Leader!.Epoch;
            await cluster.PauseAsync(10_000);
            Assert.Equal(epoch, leader.Member!.Leader!.Epoch);
            Assert.True(removed.Member!.Status().IsRemoved);
            removed.Retire();
            await cluster.AssertEqualAsync();
            // And comes back as a new one.
            Assert.Null(await cluster.AddAsync(leader, removed));
            await cluster.AwaitWholeAsync();
            await cluster.AssertEqualAsync();
        });
    }

    [Fact]
    public void What_makes_no_sense_is_refused_with_the_reason_and_changes_nothing()
    {
        using Cluster cluster = new(35, 3);
        cluster.Run(async () =>
        {
            ClusterNode leader = await StartAsync(cluster, blocks: 10);
            ClusterNode[] others = [.. cluster.Nodes.Where(node => node != leader)];
            GroupConfiguration before = leader.Member!.Leader!.Configuration;
            Assert.Equal("replica-leads", (await cluster.RemoveAsync(leader, leader))?.Code);
            Assert.Equal("not-leader", (await cluster.RemoveAsync(others[0], others[1]))?.Code);
            Assert.Equal("not-leader", (await cluster.HandOverAsync(others[0], others[1]))?.Code);
            Assert.Equal("replica-exists", await AddCodeAsync(new ReplicaPlace(others[0].Name, "tank", 9)));
            Assert.Equal("replica-refused", await AddCodeAsync(new ReplicaPlace("other", "tank", 1)));
            Assert.Equal("replica-unknown", await cluster.OnAsync(
                leader.Loop!, async () => (await leader.Member!.RemoveReplicaAsync("nobody"))?.Code));
            Assert.Equal(before, leader.Member!.Leader!.Configuration);
            others[0].Crash(CrashMode.DropUnflushed);
            await cluster.AwaitInSyncAsync(2);
            Assert.Equal("replica-needed", (await cluster.RemoveAsync(leader, others[1]))?.Code);
            Assert.Equal("replica-not-in-sync", (await cluster.HandOverAsync(leader, others[0]))?.Code);

            Task<string?> AddCodeAsync(ReplicaPlace place) => cluster.OnAsync(
                leader.Loop!, async () => (await leader.Member!.AddReplicaAsync(place))?.Code);
        });
    }

    [Fact]
    public void A_leader_elected_meanwhile_goes_on_with_a_replica_that_joins()
    {
        using Cluster cluster = new(36, 3, spares: 1);
        cluster.Run(async () =>
        {
            ClusterNode leader = await StartAsync(cluster, blocks: 200);
            foreach (ClusterNode node in cluster.Replicas) node.Member!.CatchUpBytesPerSecond = 100_000;
            ClusterNode spare = cluster.Spares.Single();
            Assert.Null(await cluster.AddAsync(leader, spare));
            await cluster.PauseAsync(500);
            leader.Crash(CrashMode.DropUnflushed);
            ClusterNode next = await cluster.AwaitLeaderAsync();
            leader.Start();
            await cluster.AwaitWholeAsync();
            Assert.Equal(4, next.Member!.Leader!.Configuration.InSync.Count);
            await cluster.AssertEqualAsync();
        });
    }

    [Fact]
    public void Status_shows_how_far_a_replica_is_and_the_rate_is_kept()
    {
        using Cluster cluster = new(37, 3, spares: 1);
        cluster.Run(async () =>
        {
            const int Blocks = 1000;
            const int Rate = 1 << 20;
            ClusterNode leader = await StartAsync(cluster, blocks: Blocks);
            leader.Member!.CatchUpBytesPerSecond = Rate;
            ClusterNode spare = cluster.Spares.Single();
            Assert.Null(await cluster.AddAsync(leader, spare));
            await cluster.UntilAsync(() => Of(leader, spare).SentBytes > 0, 10_000, "it is sent something");
            long begun = cluster.Machine.NowNanoseconds;
            await cluster.PauseAsync(2000);
            ReplicaStatus status = Of(leader, spare);
            Assert.Equal(ReplicaState.Comparing, status.State);
            Assert.InRange(status.SentBytes, Rate / 2, Rate * 3);
            Assert.InRange(status.ComparedShare, 0.01, 0.99);
            Assert.InRange(status.BytesPerSecond, Rate / 3, Rate * 2);
            Assert.InRange(status.SecondsLeft, 0.1, 20);
            // Nobody waits for it meanwhile.
            long asked = cluster.Machine.NowNanoseconds;
            Assert.Equal(IoStatus.Ok, await WriteAsync(cluster, leader, 5, 2));
            Assert.InRange(cluster.Machine.NowNanoseconds - asked, 0, 100_000_000);
            await cluster.AwaitWholeAsync();
            double seconds = (cluster.Machine.NowNanoseconds - begun) / 1e9;
            const double Least = (double)Blocks * Cluster.BlockBytes / Rate;
            Assert.InRange(seconds, Least - 0.5, Least + 1.5);
            Assert.Equal(ReplicaState.InSync, Of(leader, spare).State);
            Assert.Equal(0, Of(leader, spare).EntriesBehind);
            Assert.Equal(leader.Name, spare.Member!.Status().Leader);
            spare.Crash(null);
            await cluster.AwaitInSyncAsync(3);
            Assert.NotEqual("", Of(leader, spare).Reason);
        });
    }

    private static ReplicaStatus Of(ClusterNode leader, ClusterNode node) =>
        leader.Member!.Status().Replicas.Single(replica => replica.Place.Node == node.Name);

    private static async Task<ClusterNode> StartAsync(Cluster cluster, int blocks)
    {
        await cluster.StartAsync();
        ClusterNode leader = await cluster.AwaitLeaderAsync();
        await cluster.AwaitWholeAsync();
        for (int block = 0; block < blocks; block++)
            Assert.Equal(IoStatus.Ok, await WriteAsync(cluster, leader, block, 1));
        return leader;
    }
}
