using Cstor.Engine.Host;
using Cstor.Target.Replication;
using Xunit;
using static Cstor.Tests.Simulation.Replication.ClusterBlocks;

namespace Cstor.Tests.Simulation.Replication;

/// <summary>A volume gets another size on all its replicas, while it is in use.</summary>
public sealed class ResizeTests
{
    private const int Block = Cluster.BlockBytes;
    private const int Blocks = 2048;

    [Fact]
    public void Every_replica_has_the_new_size_when_it_is_acknowledged_and_what_was_cut_off_is_gone()
    {
        using Cluster cluster = new(61, 3);
        cluster.Run(async () =>
        {
            ClusterNode leader = await StartAsync(cluster);
            Assert.Equal(IoStatus.Ok, await WriteAsync(cluster, leader, Blocks - 1, 1));
            Assert.Equal(IoStatus.OutOfRange, await WriteAsync(cluster, leader, Blocks, 1));
            Assert.Equal(IoStatus.Ok, await ResizeAsync(cluster, leader, Blocks + 100));
            foreach (ClusterNode node in cluster.Replicas)
            {
                Assert.Equal((Blocks + 100) * (long)Block, node.Volume!.SizeBytes);
                Assert.Equal(IoStatus.Ok, await WriteAsync(cluster, node, Blocks + 99, 2));
                Assert.Equal(1, await ReadAsync(cluster, node, Blocks - 1));
                Assert.Equal(0, await ReadAsync(cluster, node, Blocks + 1));
            }

            Assert.Equal(IoStatus.Ok, await ResizeAsync(cluster, leader, Blocks - 10));
            foreach (ClusterNode node in cluster.Replicas)
                Assert.Equal(IoStatus.OutOfRange, await WriteAsync(cluster, node, Blocks - 10, 3));
            Assert.Equal(IoStatus.Ok, await ResizeAsync(cluster, leader, Blocks));
            foreach (ClusterNode node in cluster.Replicas)
                Assert.Equal(0, await ReadAsync(cluster, node, Blocks - 1));
            await cluster.AssertEqualAsync();
        });
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_replica_that_was_away_gets_the_size_with_what_it_missed(bool mustCompare)
    {
        using Cluster cluster = new(62, 3);
        cluster.Run(async () =>
        {
            ClusterNode leader = await StartAsync(cluster);
            ClusterNode away = cluster.Replicas.First(node => node != leader);
            foreach (int blocks in new[] { Blocks + 500, Blocks - 500 })
            {
                cluster.Machine.Links.CutBoth(leader.Node, away.Node);
                await cluster.AwaitInSyncAsync(2);
                Assert.Equal(IoStatus.Ok, await WriteAsync(cluster, leader, Blocks - 400, 7));
                Assert.Equal(IoStatus.Ok, await ResizeAsync(cluster, leader, blocks));
                Assert.Equal(IoStatus.Ok, await WriteAsync(cluster, leader, blocks - 3, 8, count: 3));
                if (mustCompare) leader.Member!.Leader!.Window.Forget();
                cluster.Machine.Links.HealAll();
                await cluster.AwaitInSyncAsync(3);
                Assert.Equal(blocks * (long)Block, away.Volume!.SizeBytes);
                await cluster.AssertEqualAsync();
                Assert.Equal(8, await ReadAsync(cluster, away, blocks - 1));
            }
        });
    }

    [Fact]
    public void One_that_restarts_is_sent_again_what_lies_behind_a_later_end()
    {
        using Cluster cluster = new(63, 3);
        cluster.Run(async () =>
        {
            ClusterNode leader = await StartAsync(cluster);
            ClusterNode restarted = cluster.Replicas.First(node => node != leader);
            Assert.Equal(IoStatus.Ok, await cluster.OnAsync(leader.Loop!, () => leader.Volume!.FlushAsync()));
            for (int block = 1900; block < 1950; block++)
                Assert.Equal(IoStatus.Ok, await WriteAsync(cluster, leader, block, 5));
            // Durable at once, and with it what came before; the position is not.
            Assert.Equal(IoStatus.Ok, await ResizeAsync(cluster, leader, 1000));
            restarted.Crash(CrashMode.DropUnflushed);
            restarted.Start();
            await cluster.UntilAsync(() => restarted.IsUp, 20_000, "it is up");
            await cluster.AwaitInSyncAsync(3);
            await cluster.AssertEqualAsync();
            Assert.Equal(1000L * Block, restarted.Volume!.SizeBytes);
        });
    }

    [Fact]
    public void A_size_that_changes_while_replicas_are_compared_ends_up_the_same_on_all()
    {
        using Cluster cluster = new(64, 3, spares: 1);
        cluster.Run(async () =>
        {
            ClusterNode leader = await StartAsync(cluster);
            for (int block = 0; block < Blocks; block += 8)
                Assert.Equal(IoStatus.Ok, await WriteAsync(cluster, leader, block, (byte)(block / 8), 8));
            leader.Member!.CatchUpBytesPerSecond = 4 << 20;
            ClusterNode spare = cluster.Spares.Single();
            Assert.Null(await cluster.AddAsync(leader, spare));
            foreach (int blocks in new[] { 1500, 2500, 1800, 2100 })
            {
                await cluster.PauseAsync(300);
                Assert.Equal(IoStatus.Ok, await ResizeAsync(cluster, leader, blocks));
                Assert.Equal(IoStatus.Ok, await WriteAsync(cluster, leader, blocks - 1, 9));
            }

            await cluster.AwaitWholeAsync();
            await cluster.AssertEqualAsync();
            Assert.Equal(2100L * Block, spare.Volume!.SizeBytes);
            Assert.Equal(9, await ReadAsync(cluster, spare, 2099));
            Assert.Equal(0, await ReadAsync(cluster, spare, 1900));
        });
    }

    [Fact]
    public void A_node_that_lags_serves_the_size_that_its_leader_has()
    {
        using Cluster cluster = new(65, 3);
        cluster.Run(async () =>
        {
            ClusterNode leader = await StartAsync(cluster);
            ClusterNode lagging = cluster.Replicas.First(node => node != leader);
            cluster.Machine.Links.CutBoth(leader.Node, lagging.Node);
            await cluster.AwaitInSyncAsync(2);
            // So that it takes its time to catch up.
            for (int block = 0; block < Blocks; block += 8)
                Assert.Equal(IoStatus.Ok, await WriteAsync(cluster, leader, block, (byte)(block / 8), 8));
            Assert.Equal(IoStatus.Ok, await ResizeAsync(cluster, leader, Blocks + 8));
            leader.Member!.Leader!.Window.Forget();
            leader.Member.CatchUpBytesPerSecond = 1 << 20;
            cluster.Machine.Links.HealAll();
            await cluster.PauseAsync(2000);
            Assert.Equal(2, leader.Member.Leader!.Configuration.InSync.Count);
            Assert.Equal((Blocks + 8) * (long)Block, lagging.Volume!.SizeBytes);
            Assert.Equal(IoStatus.Ok, await WriteAsync(cluster, lagging, Blocks + 7, 4));
            Assert.Equal(4, await ReadAsync(cluster, lagging, Blocks + 7));
        });
    }

    [Fact]
    public void A_node_that_is_behind_keeps_to_the_size_when_it_loses_its_leader_or_restarts()
    {
        using Cluster cluster = new(67, 3);
        cluster.Run(async () =>
        {
            const long Bytes = (Blocks + 8) * (long)Block;
            ClusterNode leader = await StartAsync(cluster);
            ClusterNode behind = cluster.Replicas.First(node => node != leader);
            cluster.Machine.Links.CutBoth(leader.Node, behind.Node);
            await cluster.AwaitInSyncAsync(2);
            for (int block = 0; block < Blocks; block += 8)
                Assert.Equal(IoStatus.Ok, await WriteAsync(cluster, leader, block, (byte)(block / 8), 8));
            Assert.Equal(IoStatus.Ok, await cluster.OnAsync(
                leader.Loop!, () => leader.Volume!.SnapshotAsync("small")));
            Assert.Equal(IoStatus.Ok, await ResizeAsync(cluster, leader, Blocks + 8));
            leader.Member!.Leader!.Window.Forget();
            leader.Member.CatchUpBytesPerSecond = 1 << 20;
            cluster.Machine.Links.HealAll();
            await cluster.UntilAsync(
                () => leader.Member.Status().Replicas.Any(static replica => replica.Snapshot == "small"),
                20_000, "it is made what the snapshot was");
            await cluster.PauseAsync(500);
            Assert.Equal(Blocks * (long)Block, behind.Replica!.Volume.SizeBytes);
            leader.Crash(CrashMode.DropUnflushed);
            for (int i = 0; i < 300; i++)
            {
                await cluster.PauseAsync(10);
                Assert.Equal(Bytes, behind.Volume!.SizeBytes);
            }

            leader.Start();
            await cluster.AwaitWholeAsync();
            await AwayWhileItGrowsAsync(cluster);
            await cluster.AssertEqualAsync();
        });
    }

    // Its own is another size when it starts, and it must not say so before it has heard the leader.
    private static async ValueTask AwayWhileItGrowsAsync(Cluster cluster)
    {
        ClusterNode leader = cluster.Leader!;
        ClusterNode away = cluster.Replicas.First(node => node != leader);
        away.Crash(CrashMode.DropUnflushed);
        await cluster.AwaitInSyncAsync(2);
        Assert.Equal(IoStatus.Ok, await ResizeAsync(cluster, leader, Blocks + 16));
        away.Start();
        await cluster.UntilAsync(() => away.IsUp, 20_000, "it is up");
        Assert.False(away.Volume!.IsSizeKnown);
        Task<bool> learnt = cluster.OnAsync(away.Loop!, () => away.Volume!.LearnSizeAsync());
        IoStatus status;
        do
        {
            status = await WriteAsync(cluster, away, Blocks + 15, 3);
            Assert.NotEqual(IoStatus.OutOfRange, status);
        }
        while (status != IoStatus.Ok);

        Assert.True(await learnt);
        Assert.Equal((Blocks + 16) * (long)Block, away.Volume!.SizeBytes);
        await cluster.AwaitWholeAsync();
    }

    [Fact]
    public void One_that_waits_for_another_does_not_make_smaller_what_that_made_larger()
    {
        using Cluster cluster = new(68, 3);
        cluster.Run(async () =>
        {
            ClusterNode leader = await StartAsync(cluster);
            LeaderPart part = leader.Member!.Leader!;
            WaitQueue gate = part.Gates.Close(0, Block);
            Task<IoStatus> first = ResizeAsync(cluster, leader, Blocks * 2);
            Task<IoStatus> second = cluster.OnAsync(
                leader.Loop!, () => leader.Volume!.ResizeAsync((Blocks + 8) * (long)Block, mayShrink: false));
            await cluster.PauseAsync(100);
            Assert.True(await cluster.OnAsync(leader.Loop!, () =>
            {
                part.Gates.Open(gate);
                return ValueTask.FromResult(true);
            }));
            Assert.Equal(IoStatus.Ok, await first);
            Assert.Equal(IoStatus.OutOfRange, await second);
            Assert.Equal(Blocks * 2 * (long)Block, leader.Volume!.SizeBytes);
        });
    }

    [Fact]
    public void A_damaged_block_that_was_cut_off_meanwhile_is_out_of_range()
    {
        using Cluster cluster = new(69, 3);
        cluster.Run(async () =>
        {
            ClusterNode leader = await StartAsync(cluster);
            IoStatus status = await cluster.OnAsync(leader.Loop!, async () =>
            {
                IoBuffer buffer = leader.Loop!.Buffers.Rent(2 * Block);
                IoStatus read = await new PeerRead(leader.Member!, leader.Member!.Leader!).RunAsync(
                    (Blocks + 1) * (long)Block, buffer.First(2 * Block));
                buffer.Release();
                return read;
            });
            Assert.Equal(IoStatus.OutOfRange, status);
        });
    }

    [Fact]
    public void A_node_that_does_not_lead_refuses_and_changes_nothing()
    {
        using Cluster cluster = new(66, 3);
        cluster.Run(async () =>
        {
            ClusterNode leader = await StartAsync(cluster);
            ClusterNode other = cluster.Replicas.First(node => node != leader);
            Assert.Equal(IoStatus.Aborted, await ResizeAsync(cluster, other, Blocks * 2));
            foreach (ClusterNode node in cluster.Replicas)
                Assert.Equal(Blocks * (long)Block, node.Volume!.SizeBytes);
        });
    }

    private static async ValueTask<ClusterNode> StartAsync(Cluster cluster)
    {
        await cluster.StartAsync();
        await cluster.AwaitInSyncAsync(3);
        return cluster.Leader!;
    }

    private static Task<IoStatus> ResizeAsync(Cluster cluster, ClusterNode node, int blocks) =>
        cluster.OnAsync(node.Loop!, () => node.Volume!.ResizeAsync(blocks * (long)Block));
}
