using Cstor.Engine.Host;
using Cstor.Engine.Volumes;
using Cstor.Target.Replication;
using Xunit;
using static Cstor.Tests.Simulation.Replication.ClusterBlocks;

namespace Cstor.Tests.Simulation.Replication;

/// <summary>What users of replicated volumes were hurt by elsewhere, one test each.</summary>
public sealed class FailoverTests
{
    private const int Block = Cluster.BlockBytes;
    private const long Millisecond = 1_000_000;

    [Fact]
    public void After_the_leader_crashed_no_read_is_stale()
    {
        using Cluster cluster = new(11, 3);
        cluster.Run(async () =>
        {
            await cluster.StartAsync();
            for (byte round = 1; round <= 6; round++)
            {
                ClusterNode leader = await cluster.AwaitLeaderAsync();
                for (int block = 0; block < 40; block++)
                    Assert.Equal(IoStatus.Ok, await WriteAsync(cluster, leader, block, round));
                // Whoever leads next was the one that came back last, once that has caught up.
                leader.Crash(CrashMode.DropUnflushed);
                ClusterNode next = await cluster.AwaitLeaderAsync();
                Assert.NotEqual(leader, next);
                for (int block = 0; block < 40; block++)
                    Assert.Equal(round, await ReadAsync(cluster, next, block));
                leader.Start();
                await cluster.AwaitInSyncAsync(3);
                await cluster.AssertEqualAsync();
            }
        });
    }

    [Fact]
    public void A_frozen_replica_stalls_writes_for_less_than_a_second_and_only_once()
    {
        using Cluster cluster = new(12, 3);
        cluster.Machine.Links.Spike = 0;
        cluster.Run(async () =>
        {
            await cluster.StartAsync();
            ClusterNode leader = await cluster.AwaitLeaderAsync();
            await cluster.AwaitInSyncAsync(3);
            ClusterNode frozen = cluster.Nodes.First(node => node != leader);
            List<long> slow = [];
            for (int write = 0; write < 3000; write++)
            {
                if (write == 100)
                    foreach (ClusterNode peer in cluster.Nodes.Where(node => node != frozen))
                        cluster.Machine.Links.CutBoth(frozen.Node, peer.Node);
                long begun = cluster.Machine.NowNanoseconds;
                Assert.Equal(IoStatus.Ok, await WriteAsync(cluster, leader, write % 50, 1));
                long took = cluster.Machine.NowNanoseconds - begun;
                if (took > 100 * Millisecond) slow.Add(took);
                await cluster.PauseAsync(2);
            }

            long once = Assert.Single(slow);
            Assert.InRange(once, 0, 1000 * Millisecond);
            cluster.Machine.Links.HealAll();
            await cluster.AwaitInSyncAsync(3);
            await cluster.AssertEqualAsync();
        });
    }

    [Fact]
    public void A_replica_that_was_away_for_nine_seconds_is_sent_what_it_missed()
    {
        using Cluster cluster = new(13, 3, volumeBytes: 64L << 20, diskBytes: 512L << 20);
        cluster.Run(async () =>
        {
            await cluster.StartAsync();
            ClusterNode leader = await cluster.AwaitLeaderAsync();
            await cluster.AwaitInSyncAsync(3);
            for (int block = 0; block < 16_000; block += 64)
                Assert.Equal(IoStatus.Ok, await WriteAsync(cluster, leader, block, 1, 64));
            ClusterNode away = cluster.Nodes.Last(node => node != leader);
            // Nor is what it forgets by that.
            Assert.Equal(
                IoStatus.Ok, await cluster.OnAsync(leader.Loop!, () => leader.Volume!.FlushAsync()));
            away.Crash(null);
            // More than the leader keeps of what it sent.
            const int Missed = 5000;
            for (int i = 0; i < Missed; i++)
                Assert.Equal(IoStatus.Ok, await WriteAsync(cluster, leader, i * 3, 2));
            await cluster.PauseAsync(9000);
            away.Start();
            await cluster.AwaitInSyncAsync(3);
            PeerProgress progress = leader.Member!.Leader!.Peers.Single(peer => peer.Name == away.Name);
            Assert.InRange(progress.FilledBytes, Missed * (long)Block, Missed * (long)Block * 21 / 20);
            await cluster.AssertEqualAsync();
        });
    }

    [Fact]
    public void A_replica_that_missed_little_is_sent_the_entries_alone()
    {
        using Cluster cluster = new(14, 3);
        cluster.Run(async () =>
        {
            await cluster.StartAsync();
            ClusterNode leader = await cluster.AwaitLeaderAsync();
            await cluster.AwaitInSyncAsync(3);
            ClusterNode away = cluster.Nodes.Last(node => node != leader);
            PeerProgress progress = leader.Member!.Leader!.Peers.Single(peer => peer.Name == away.Name);
            progress.FilledBytes = 0;
            cluster.Machine.Links.ResetConnections(leader.Node, away.Node);
            for (int i = 0; i < 200; i++)
                Assert.Equal(IoStatus.Ok, await WriteAsync(cluster, leader, i, 2));
            await cluster.AwaitInSyncAsync(3);
            Assert.Equal(0, progress.FilledBytes);
            await cluster.AssertEqualAsync();
        });
    }

    [Fact]
    public void A_snapshot_on_all_replicas_stalls_writes_for_at_most_twenty_milliseconds()
    {
        using Cluster cluster = new(15, 3);
        cluster.Machine.Links.Spike = 0;
        cluster.Run(async () =>
        {
            await cluster.StartAsync();
            ClusterNode leader = await cluster.AwaitLeaderAsync();
            await cluster.AwaitInSyncAsync(3);
            Task<IoStatus>? snapshot = null;
            long longest = 0;
            for (int write = 0; write < 600; write++)
            {
                if (write == 200)
                    snapshot = cluster.OnAsync(leader.Loop!, () => leader.Volume!.SnapshotAsync("monday"));
                long begun = cluster.Machine.NowNanoseconds;
                Assert.Equal(IoStatus.Ok, await WriteAsync(cluster, leader, write % 60, 1));
                longest = Math.Max(longest, cluster.Machine.NowNanoseconds - begun);
            }

            Assert.Equal(IoStatus.Ok, await snapshot!);
            Assert.InRange(longest, 0, 20 * Millisecond);
            Guid[] ids = [.. cluster.Nodes.Select(node => node.Pool!.FindSnapshot("v", "monday")!.Id)];
            Assert.Single(ids.Distinct());
        });
    }

    [Fact]
    public void What_was_flushed_is_on_all_replicas_alike_after_a_power_cut_of_all()
    {
        for (ulong seed = 1; seed <= 6; seed++)
        {
            using Cluster cluster = new(seed, 3);
            cluster.Run(async () =>
            {
                await cluster.StartAsync();
                ClusterNode leader = await cluster.AwaitLeaderAsync();
                await cluster.AwaitInSyncAsync(3);
                for (int block = 0; block < 60; block++)
                    Assert.Equal(IoStatus.Ok, await WriteAsync(cluster, leader, block, 1));
                Assert.Equal(
                    IoStatus.Ok, await cluster.OnAsync(leader.Loop!, () => leader.Volume!.FlushAsync()));
                for (int block = 0; block < 60; block += 2)
                    Assert.Equal(IoStatus.Ok, await WriteAsync(cluster, leader, block, 2));
                foreach (ClusterNode node in cluster.Nodes) node.Crash(CrashMode.Random);
                await cluster.PauseAsync(100);
                foreach (ClusterNode node in cluster.Nodes) node.Start();
                ClusterNode next = await cluster.AwaitLeaderAsync(20_000);
                for (int block = 0; block < 60; block++)
                    Assert.InRange(await ReadAsync(cluster, next, block), 1, block % 2 == 0 ? 2 : 1);
                await cluster.AwaitInSyncAsync(3);
                await cluster.AssertEqualAsync();
            });
        }
    }

    [Fact]
    public void Losing_one_of_two_replicas_costs_five_seconds_at_most_where_a_witness_votes()
    {
        using Cluster cluster = new(16, 2, hasWitness: true);
        cluster.Run(async () =>
        {
            await cluster.StartAsync();
            ClusterNode leader = await cluster.AwaitLeaderAsync();
            await cluster.AwaitInSyncAsync(2);
            Assert.Equal(IoStatus.Ok, await WriteAsync(cluster, leader, 5, 1));
            long begun = cluster.Machine.NowNanoseconds;
            leader.Crash(CrashMode.DropUnflushed);
            ClusterNode next = await cluster.AwaitLeaderAsync();
            Assert.Equal(1, await ReadAsync(cluster, next, 5));
            Assert.Equal(IoStatus.Ok, await WriteAsync(cluster, next, 5, 2));
            Assert.InRange(cluster.Machine.NowNanoseconds - begun, 0, 5000 * Millisecond);
        });
    }

    [Fact]
    public void Without_a_quorum_requests_wait_and_go_on_when_it_is_back()
    {
        using Cluster cluster = new(17, 3);
        cluster.Run(async () =>
        {
            await cluster.StartAsync();
            ClusterNode leader = await cluster.AwaitLeaderAsync();
            await cluster.AwaitInSyncAsync(3);
            ClusterNode[] others = [.. cluster.Nodes.Where(node => node != leader)];
            foreach (ClusterNode other in others) other.Crash(CrashMode.KeepEverything);
            // Until then nobody else can lead, and reads are answered.
            await cluster.PauseAsync(2000);
            Task<IoStatus> write = WriteAsync(cluster, leader, 7, 9);
            Task<int> read = ReadAsync(cluster, leader, 8);
            await cluster.PauseAsync(30_000);
            Assert.False(write.IsCompleted);
            Assert.False(read.IsCompleted);
            foreach (ClusterNode other in others) other.Start();
            await cluster.UntilAsync(
                () => write.IsCompleted && read.IsCompleted, 10_000, "both are answered");
            Assert.Equal(IoStatus.Ok, await write);
            Assert.Equal(0, await read);
        });
    }

    [Fact]
    public void One_crash_and_one_lost_leader_lose_nothing_that_was_acknowledged()
    {
        using Cluster cluster = new(18, 3);
        cluster.Run(async () =>
        {
            await cluster.StartAsync();
            ClusterNode leader = await cluster.AwaitLeaderAsync();
            await cluster.AwaitInSyncAsync(3);
            Assert.Equal(IoStatus.Ok, await WriteAsync(cluster, leader, 3, 1));
            // Acknowledged, flushed nowhere; one replica forgets it, and the leader is gone for good.
            ClusterNode[] others = [.. cluster.Nodes.Where(node => node != leader)];
            others[0].Crash(CrashMode.DropUnflushed);
            leader.Crash(CrashMode.DropUnflushed);
            others[0].Start();
            ClusterNode next = await cluster.AwaitLeaderAsync(20_000);
            Assert.Equal(others[1], next);
            Assert.Equal(1, await ReadAsync(cluster, next, 3));
        });
    }

    [Fact]
    public void What_is_damaged_on_the_leader_is_read_from_a_peer_and_mended()
    {
        using Cluster cluster = new(19, 3);
        cluster.Run(async () =>
        {
            await cluster.StartAsync();
            ClusterNode leader = await cluster.AwaitLeaderAsync();
            await cluster.AwaitInSyncAsync(3);
            for (int block = 0; block < 120; block++)
                Assert.Equal(IoStatus.Ok, await WriteAsync(cluster, leader, block, 0xA5));
            await cluster.AssertEqualAsync();
            Assert.InRange(Damage(leader, 0xA5), 120, int.MaxValue);
            IBlockVolume own = leader.Replica!.Volume;
            Assert.Equal(IoStatus.ChecksumMismatch, await TryReadAsync(cluster, leader, own, 7));
            for (int block = 0; block < 120; block++)
                Assert.Equal(0xA5, await ReadAsync(cluster, leader, block));
            for (int block = 0; block < 120; block++)
                Assert.Equal(IoStatus.Ok, await TryReadAsync(cluster, leader, own, block));
            Assert.Equal(leader, cluster.Leader);
            await cluster.AssertEqualAsync();
        });
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_part_written_of_a_damaged_block_is_mended_by_a_peer_that_has_the_rest(bool isLeader)
    {
        using Cluster cluster = new(21, 3);
        cluster.Run(async () =>
        {
            await cluster.StartAsync();
            ClusterNode leader = await cluster.AwaitLeaderAsync();
            await cluster.AwaitInSyncAsync(3);
            for (int block = 0; block < 20; block++)
                Assert.Equal(IoStatus.Ok, await WriteAsync(cluster, leader, block, 0xA5));
            await cluster.AssertEqualAsync();
            ClusterNode damaged = isLeader ? leader : cluster.Nodes.First(node => node != leader);
            Assert.NotEqual(0, Damage(damaged, 0xA5));
            for (int block = 0; block < 20; block++)
                Assert.Equal(IoStatus.Ok, await WritePartAsync(cluster, leader, block, 0x5A));
            // So long its blocks cannot be written back, and no view of them be taken.
            await cluster.UntilAsync(
                () => damaged.Replica!.DamagedOffsets(1).Count > 0, 5000, "the damage is known");
            await cluster.PauseAsync(10_000);
            Assert.Empty(damaged.Replica!.DamagedOffsets(1));
            await cluster.AssertEqualAsync();
            Assert.Equal(3, leader.Member!.Leader!.Configuration.InSync.Count);
            Assert.Equal(IoStatus.Ok, await cluster.OnAsync(
                leader.Loop!, () => leader.Volume!.SnapshotAsync("monday")));
        });
    }

    [Fact]
    public void A_replica_that_comes_back_is_compared_though_a_part_of_a_damaged_block_waits_in_it()
    {
        using Cluster cluster = new(22, 3);
        cluster.Run(async () =>
        {
            await cluster.StartAsync();
            ClusterNode leader = await cluster.AwaitLeaderAsync();
            await cluster.AwaitInSyncAsync(3);
            Assert.Equal(IoStatus.Ok, await WriteAsync(cluster, leader, 3, 0xA5));
            await cluster.AssertEqualAsync();
            ClusterNode damaged = cluster.Nodes.First(node => node != leader);
            Assert.NotEqual(0, Damage(damaged, 0xA5));
            Assert.Equal(IoStatus.Ok, await WritePartAsync(cluster, leader, 3, 0x5A));
            foreach (ClusterNode peer in cluster.Nodes.Where(node => node != damaged))
                cluster.Machine.Links.CutBoth(damaged.Node, peer.Node);
            await cluster.AwaitInSyncAsync(2);
            // More than the leader keeps of what it sent.
            for (int i = 0; i < 4200; i++)
                Assert.Equal(IoStatus.Ok, await WriteAsync(cluster, leader, 10 + (i % 50), 2));
            Assert.NotEmpty(damaged.Replica!.DamagedOffsets(1));
            cluster.Machine.Links.HealAll();
            await cluster.AwaitInSyncAsync(3);
            await cluster.AssertEqualAsync();
        });
    }

    [Fact]
    public void What_is_damaged_everywhere_fails_until_it_is_written_and_the_rest_is_served()
    {
        using Cluster cluster = new(20, 3);
        cluster.Run(async () =>
        {
            await cluster.StartAsync();
            ClusterNode leader = await cluster.AwaitLeaderAsync();
            await cluster.AwaitInSyncAsync(3);
            Assert.Equal(IoStatus.Ok, await WriteAsync(cluster, leader, 3, 0xA5));
            Assert.Equal(IoStatus.Ok, await WriteAsync(cluster, leader, 4, 0x5A));
            await cluster.AssertEqualAsync();
            foreach (ClusterNode node in cluster.Nodes) Assert.NotEqual(0, Damage(node, 0xA5));
            IoStatus failure = await TryReadAsync(cluster, leader, leader.Volume!, 3);
            Assert.Equal(IoStatus.ChecksumMismatch, failure);
            Assert.Equal(0x5A, await ReadAsync(cluster, leader, 4));
            Assert.Equal(IoStatus.Ok, await WriteAsync(cluster, leader, 3, 0x5A));
            Assert.Equal(0x5A, await ReadAsync(cluster, leader, 3));
        });
    }
}
