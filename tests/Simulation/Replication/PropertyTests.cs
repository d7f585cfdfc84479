using Cstor.Engine.Host;
using Cstor.Engine.Volumes;
using Xunit;

namespace Cstor.Tests.Simulation.Replication;

/// <summary>Properties that are of the volume are the same on all its replicas.</summary>
public sealed class PropertyTests
{
    private const string Shared = "share";
    private const string Own = "cache";

    [Fact]
    public void What_is_of_the_volume_is_set_on_all_replicas_and_what_is_of_each_stays()
    {
        using Cluster cluster = new(81, 3);
        cluster.Run(async () =>
        {
            ClusterNode leader = await StartAsync(cluster);
            ClusterNode other = cluster.Replicas.First(node => node != leader);
            Assert.True((await cluster.OnAsync(
                other.Loop!, () => other.Pool!.SetPropertyAsync("v", Own, "none"))).IsOk);
            int told = 0;
            other.Member!.PropertiesChanged = () => told++;
            Assert.Equal(IoStatus.Ok, await SetAsync(cluster, leader, Shared, "7"));
            Assert.Equal(IoStatus.Ok, await SetAsync(cluster, leader, "sync", "always"));
            foreach (ClusterNode node in cluster.Replicas)
            {
                Assert.Equal("7", Of(node, Shared));
                Assert.Equal("always", Of(node, "sync"));
                Assert.Equal(node == other ? "none" : "all", Of(node, Own));
            }

            Assert.Equal(2, told);
            Assert.Equal(IoStatus.Ok, await SetAsync(cluster, leader, Shared, ""));
            foreach (ClusterNode node in cluster.Replicas) Assert.Equal("", Of(node, Shared));
            // Nothing of what the leader does not share.
            Assert.Equal(IoStatus.Ok, await SetAsync(cluster, leader, Own, "metadata"));
            Assert.Equal("none", Of(other, Own));
            Assert.Equal(IoStatus.Aborted, await SetAsync(cluster, other, Shared, "8"));
        });
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void One_that_was_away_or_is_new_gets_them_as_they_are_by_then(bool mustCompare)
    {
        using Cluster cluster = new(82, 3, spares: 1);
        cluster.Run(async () =>
        {
            ClusterNode leader = await StartAsync(cluster);
            Assert.Equal(IoStatus.Ok, await SetAsync(cluster, leader, Shared, "1"));
            ClusterNode away = cluster.Replicas.First(node => node != leader);
            cluster.Machine.Links.CutBoth(leader.Node, away.Node);
            await cluster.AwaitInSyncAsync(2);
            Assert.Equal(IoStatus.Ok, await SetAsync(cluster, leader, Shared, ""));
            Assert.Equal(IoStatus.Ok, await SetAsync(cluster, leader, "sync", "always"));
            Assert.Equal("1", Of(away, Shared));
            if (mustCompare) leader.Member!.Leader!.Window.Forget();
            cluster.Machine.Links.HealAll();
            await cluster.AwaitInSyncAsync(3);
            Assert.Equal("", Of(away, Shared));
            Assert.Equal("always", Of(away, "sync"));
            Assert.Null(await cluster.AddAsync(leader, cluster.Spares.Single()));
            await cluster.AwaitWholeAsync();
            await cluster.AssertEqualAsync();
            // Whoever leads next goes on with them.
            leader.Crash(CrashMode.DropUnflushed);
            ClusterNode next = await cluster.AwaitLeaderAsync();
            Assert.Equal(IoStatus.Ok, await SetAsync(cluster, next, Shared, "2"));
            leader.Start();
            await cluster.AwaitWholeAsync();
            await cluster.AssertEqualAsync();
            Assert.Equal("2", Of(leader, Shared));
            Assert.Equal("always", Of(leader, "sync"));
        });
    }

    [Fact]
    public void Of_two_that_fit_alone_and_not_together_the_second_is_refused_and_nobody_fails()
    {
        using Cluster cluster = new(83, 3);
        cluster.Run(async () =>
        {
            ClusterNode leader = await StartAsync(cluster);
            Task<IoStatus> set = SetAsync(cluster, leader, Shared, new string('s', 1000));
            Task<CompareResult> reserved = ReserveAsync(cluster, leader, "", new string('r', 800));
            Assert.Equal(IoStatus.Ok, await set);
            Assert.Equal(IoStatus.NoSpace, (await reserved).Status);
            // To the last byte: what the group keeps has its own room, and grows with each leader.
            string text = new('r', leader.Volume!.ReservationsMaximumBytes);
            Assert.Equal(IoStatus.Ok, (await ReserveAsync(cluster, leader, "", text)).Status);
            Assert.Equal(IoStatus.NoSpace, await SetAsync(cluster, leader, Shared, new string('s', 1001)));
            Task<IoStatus> less = SetAsync(cluster, leader, Shared, new string('s', 10));
            Task<CompareResult> more = ReserveAsync(cluster, leader, text, "");
            Assert.Equal(IoStatus.Ok, await less);
            Assert.Equal(IoStatus.Ok, (await more).Status);
            Assert.Equal(leader, cluster.Leader);
            await cluster.AwaitInSyncAsync(3);
            await cluster.AssertEqualAsync();
        });
    }

    private static Task<CompareResult> ReserveAsync(
        Cluster cluster, ClusterNode node, string before, string after) =>
        cluster.OnAsync(node.Loop!, () => node.Volume!.SharedReservations!.ChangeAsync(before, after, ""));

    private static string Of(ClusterNode node, string name) =>
        node.Replica!.Properties.FirstOrDefault(property => property.Key == name).Value ?? "";

    private static async ValueTask<ClusterNode> StartAsync(Cluster cluster)
    {
        await cluster.StartAsync();
        await cluster.AwaitInSyncAsync(3);
        return cluster.Leader!;
    }

    private static Task<IoStatus> SetAsync(Cluster cluster, ClusterNode node, string name, string value) =>
        cluster.OnAsync(node.Loop!, () => node.Volume!.SetPropertiesAsync([new(name, value)]));
}
