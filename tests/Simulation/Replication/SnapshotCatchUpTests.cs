using Cstor.Engine.Host;
using Cstor.Engine.Versions;
using Cstor.PoolLayout;
using Cstor.Target.Replication;
using Xunit;
using static Cstor.Tests.Simulation.Replication.ClusterBlocks;

namespace Cstor.Tests.Simulation.Replication;

/// <summary>Replicas that missed snapshots get them, with what they held.</summary>
public sealed class SnapshotCatchUpTests
{
    private const int Block = Cluster.BlockBytes;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void One_that_was_away_gets_those_that_were_taken_meanwhile(bool mustCompare)
    {
        using Cluster cluster = new(71, 3);
        cluster.Run(async () =>
        {
            ClusterNode leader = await StartAsync(cluster, 300);
            await TakeAsync(cluster, leader, "monday");
            ClusterNode away = cluster.Replicas.First(node => node != leader);
            cluster.Machine.Links.CutBoth(leader.Node, away.Node);
            await cluster.AwaitInSyncAsync(2);
            await WriteAllAsync(cluster, leader, 50, 60, 2);
            await TakeAsync(cluster, leader, "tuesday");
            await WriteAllAsync(cluster, leader, 55, 90, 3);
            await ResizeAsync(cluster, leader, 1000);
            await TakeAsync(cluster, leader, "wednesday");
            await ResizeAsync(cluster, leader, 3000);
            await WriteAllAsync(cluster, leader, 2980, 3000, 4);
            if (mustCompare) leader.Member!.Leader!.Window.Forget();
            cluster.Machine.Links.HealAll();
            await cluster.AwaitInSyncAsync(3);
            await cluster.PauseAsync(100);
            await AssertSnapshotsAsync(cluster, "monday", "tuesday", "wednesday");
            Assert.Empty(Of(leader, away).MissingSnapshots);
            await cluster.AssertEqualAsync();
            // Only what differs was sent, and the snapshots are not the volume.
            if (mustCompare) Assert.InRange(Of(leader, away).SentBytes, 60 * Block, 100 * Block);
            Assert.Equal(4, await ReadAsync(cluster, away, 2999));
        });
    }

    [Fact]
    public void A_new_one_gets_all_and_that_which_is_taken_while_it_is_compared()
    {
        using Cluster cluster = new(72, 3, spares: 1);
        cluster.Run(async () =>
        {
            ClusterNode leader = await StartAsync(cluster, 500);
            await TakeAsync(cluster, leader, "monday");
            await WriteAllAsync(cluster, leader, 0, 200, 2);
            await TakeAsync(cluster, leader, "tuesday");
            await WriteAllAsync(cluster, leader, 100, 400, 3);
            leader.Member!.CatchUpBytesPerSecond = 1 << 20;
            ClusterNode spare = cluster.Spares.Single();
            Assert.Null(await cluster.AddAsync(leader, spare));
            await cluster.UntilAsync(
                () => leader.Member.Leader!.Peers.Single(peer => peer.Name == spare.Name).IsStreaming
                    && Of(leader, spare).SentBytes > 900L * Block, 20_000, "the volume itself is compared");
            await TakeAsync(cluster, leader, "wednesday");
            Assert.Null(spare.Pool!.FindSnapshot("v", "wednesday"));
            await WriteAllAsync(cluster, leader, 0, 20, 4);
            await cluster.AwaitWholeAsync();
            await AssertSnapshotsAsync(cluster, "monday", "tuesday", "wednesday");
            await cluster.AssertEqualAsync();
        });
    }

    [Fact]
    public void A_leader_that_is_lost_meanwhile_leaves_the_rest_to_the_next_one()
    {
        using Cluster cluster = new(73, 3, spares: 1);
        cluster.Run(async () =>
        {
            ClusterNode leader = await StartAsync(cluster, 500);
            await TakeAsync(cluster, leader, "monday");
            await WriteAllAsync(cluster, leader, 0, 500, 2);
            await TakeAsync(cluster, leader, "tuesday");
            await WriteAllAsync(cluster, leader, 0, 500, 3);
            leader.Member!.CatchUpBytesPerSecond = 1 << 20;
            ClusterNode spare = cluster.Spares.Single();
            Assert.Null(await cluster.AddAsync(leader, spare));
            await cluster.UntilAsync(
                () => Of(leader, spare).Snapshot == "tuesday", 20_000, "it is made equal to the second one");
            Assert.Equal(ReplicaState.Comparing, Of(leader, spare).State);
            // Its path works meanwhile, by what is reserved.
            Assert.Equal(IoStatus.Ok, (await cluster.OnAsync(spare.Loop!,
                () => spare.Volume!.SharedReservations!.ChangeAsync("", "1", ""))).Status);
            Assert.Equal(3, await ReadAsync(cluster, spare, 400));
            Assert.Equal(IoStatus.Ok, await WriteAsync(cluster, spare, 399, 4));
            leader.Crash(CrashMode.DropUnflushed);
            ClusterNode next = await cluster.AwaitLeaderAsync();
            Assert.NotEqual(spare, next);
            Assert.Equal(3, await ReadAsync(cluster, next, 400));
            leader.Start();
            await cluster.AwaitWholeAsync();
            await AssertSnapshotsAsync(cluster, "monday", "tuesday");
            await cluster.AssertEqualAsync();
        });
    }

    [Fact]
    public void One_between_two_that_it_has_cannot_be_made_and_the_status_names_it()
    {
        using Cluster cluster = new(74, 3);
        cluster.Run(async () =>
        {
            ClusterNode leader = await StartAsync(cluster, 100);
            foreach (string name in new[] { "monday", "tuesday", "wednesday" })
                await TakeAsync(cluster, leader, name);
            ClusterNode away = cluster.Replicas.First(node => node != leader);
            Assert.True((await cluster.OnAsync(
                away.Loop!, () => away.Pool!.DestroySnapshotAsync("v", "tuesday"))).IsOk);
            await AwayAndBackAsync(cluster, leader, away, () => TakeAsync(cluster, leader, "thursday"));
            Assert.Equal(["tuesday"], Of(leader, away).MissingSnapshots);
            await AssertSnapshotsAsync(cluster, "monday", "wednesday", "thursday");
            await cluster.AssertEqualAsync();
        });
    }

    [Fact]
    public void Another_one_of_the_same_name_gives_its_name_away()
    {
        using Cluster cluster = new(75, 3);
        cluster.Run(async () =>
        {
            ClusterNode leader = await StartAsync(cluster, 100);
            ClusterNode away = cluster.Replicas.First(node => node != leader);
            await TakeAsync(cluster, leader, "monday");
            Snapshot stale = away.Pool!.FindSnapshot("v", "monday")!;
            await AwayAndBackAsync(cluster, leader, away, async () =>
            {
                foreach (ClusterNode node in cluster.Replicas.Where(node => node != away))
                    Assert.True((await cluster.OnAsync(
                        node.Loop!, () => node.Pool!.DestroySnapshotAsync("v", "monday"))).IsOk);
                await WriteAllAsync(cluster, leader, 0, 10, 2);
                await TakeAsync(cluster, leader, "monday");
            });
            await AssertSnapshotsAsync(cluster, "monday");
            Assert.StartsWith("monday-", stale.ShortName, StringComparison.Ordinal);
            Assert.Equal(2, away.Pool!.ReplicaOf(away.Pool.FindVolume("v")!).Snapshots.Count);
        });
    }

    // It misses more than is kept.
    private static async ValueTask AwayAndBackAsync(
        Cluster cluster, ClusterNode leader, ClusterNode away, Func<Task> meanwhile)
    {
        cluster.Machine.Links.CutBoth(leader.Node, away.Node);
        await cluster.AwaitInSyncAsync(2);
        await meanwhile();
        leader.Member!.Leader!.Window.Forget();
        cluster.Machine.Links.HealAll();
        await cluster.AwaitInSyncAsync(3);
        await cluster.PauseAsync(100);
    }

    private static async ValueTask AssertSnapshotsAsync(Cluster cluster, params string[] names)
    {
        foreach (string name in names)
        {
            Snapshot? first = null;
            string hash = "";
            foreach (ClusterNode node in cluster.Replicas)
            {
                Snapshot? found = node.Pool!.FindSnapshot("v", name);
                if (found is null) throw new InvalidOperationException($"{node.Name} has no {name}");
                (IoStatus status, Hash128 held) = await cluster.OnAsync(
                    node.Loop!, () => node.Replica!.SnapshotHashAsync(name));
                Assert.Equal(IoStatus.Ok, status);
                if (first is null) (first, hash) = (found, held.ToString());
                Assert.Equal(first.Id, found.Id);
                Assert.Equal(first.CreatedAt, found.CreatedAt);
                Assert.Equal(first.SizeBytes, found.SizeBytes);
                Assert.Equal(hash, held.ToString());
            }
        }
    }

    private static async ValueTask<ClusterNode> StartAsync(Cluster cluster, int blocks)
    {
        await cluster.StartAsync();
        await cluster.AwaitInSyncAsync(3);
        await WriteAllAsync(cluster, cluster.Leader!, 0, blocks, 1);
        return cluster.Leader!;
    }

    private static async ValueTask WriteAllAsync(
        Cluster cluster, ClusterNode node, int from, int to, byte value)
    {
        for (int block = from; block < to; block++)
            Assert.Equal(IoStatus.Ok, await WriteAsync(cluster, node, block, value));
    }

    private static async Task TakeAsync(Cluster cluster, ClusterNode node, string name) => Assert.Equal(
        IoStatus.Ok, await cluster.OnAsync(node.Loop!, () => node.Volume!.SnapshotAsync(name)));

    private static async Task ResizeAsync(Cluster cluster, ClusterNode node, int blocks) => Assert.Equal(
        IoStatus.Ok, await cluster.OnAsync(node.Loop!, () => node.Volume!.ResizeAsync(blocks * (long)Block)));

    private static ReplicaStatus Of(ClusterNode leader, ClusterNode node) =>
        leader.Member!.Status().Replicas.Single(replica => replica.Place.Node == node.Name);
}
