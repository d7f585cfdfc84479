using System.Buffers.Binary;
using System.Text;
using Cstor.Engine.Host;
using Cstor.Target.Replication;
using Cstor.Tests.Target;
using Xunit;
using static Cstor.Tests.Simulation.Replication.ClusterTargets;

namespace Cstor.Tests.Simulation.Replication;

/// <summary>Reservations of a replicated volume bind initiators on every path, whoever leads.</summary>
public sealed class ReservationTests
{
    private const int Register = 0;
    private const int Reserve = 1;
    private const int Release = 2;
    private const int Clear = 3;
    private const int Preempt = 4;
    private const int PreemptAndAbort = 5;
    private const int RegisterAndMove = 7;
    private const byte AllTargetPorts = 0x04;
    private const byte WriteExclusive = 1;
    private const byte RegistrantsOnly = 5;
    private const int Conflict = 0x18;
    private const int Busy = 0x08;
    private const int Preempted = 0x062a05;

    [Fact]
    public void What_is_reserved_through_one_node_is_reserved_on_all() => Run(41, async (cluster, targets) =>
    {
        TestInitiator[] one = await LogInAsync(cluster, targets, "one");
        TestInitiator[] two = await LogInAsync(cluster, targets, "two");
        Assert.Equal(0, await OutAsync(one[0], Register, 0, 11));
        Assert.Equal(0, await OutAsync(one[1], Register, 0, 11));
        Assert.Equal(0, await OutAsync(two[1], Register, 0, 22));
        Assert.Equal(Conflict, await OutAsync(two[2], Reserve, 22, 0, WriteExclusive));
        Assert.Equal(0, await OutAsync(one[0], Reserve, 11, 0, WriteExclusive));
        for (int i = 0; i < 3; i++)
        {
            // The same initiator through another port is another nexus.
            Assert.Equal(i == 0 ? 0 : Conflict, await WriteAsync(one[i]));
            Assert.Equal(Conflict, await WriteAsync(two[i]));
            Assert.Equal(0, await ReadAsync(two[i]));
            byte[] keys = await InAsync(two[i], 0);
            Assert.Equal((3u, 24), (Number(keys), BinaryPrimitives.ReadInt32BigEndian(keys.AsSpan(4))));
            Assert.Equal(11, (await InAsync(two[i], 1))[15]);
        }

        // Who holds the reservation, and through which ports they are registered.
        byte[] status = await InAsync(two[2], 3);
        Assert.Equal((1, 1), (status[20], status[27]));
        Assert.Equal(3, Encoding.ASCII.GetString(status).Split("iqn.test:").Length - 1);
        Assert.Equal(0, await OutAsync(one[0], Release, 11, 0, WriteExclusive));
        Assert.Equal(0, await OutAsync(two[1], Reserve, 22, 0, RegistrantsOnly));
        for (int i = 0; i < 3; i++)
        {
            Assert.Equal(i < 2 ? 0 : Conflict, await WriteAsync(one[i]));
            Assert.Equal(i == 1 ? 0 : Conflict, await WriteAsync(two[i]));
        }

        Assert.Equal(0, await OutAsync(one[1], Clear, 11, 0));
        Assert.Equal(0x062a03, await WriteAsync(one[0]));
        Assert.Equal(0x062a03, await WriteAsync(two[1]));
        for (int i = 0; i < 3; i++) Assert.Equal(0, await WriteAsync(two[i]));
    });

    [Fact]
    public void Whoever_is_preempted_is_told_and_kept_away_on_every_node() =>
        Run(42, async (cluster, targets) =>
    {
        TestInitiator[] one = await LogInAsync(cluster, targets, "one");
        TestInitiator[] two = await LogInAsync(cluster, targets, "two");
        Assert.Equal(0, await OutAsync(one[0], Register, 0, 11, flags: AllTargetPorts));
        Assert.Equal(0, await OutAsync(two[1], Register, 0, 22));
        Assert.Equal(0, await OutAsync(one[2], Reserve, 11, 0, RegistrantsOnly));
        for (int i = 0; i < 3; i++) Assert.Equal(0, await WriteAsync(one[i]));
        Assert.Equal(0, await OutAsync(two[1], PreemptAndAbort, 22, 11, RegistrantsOnly));
        for (int i = 0; i < 3; i++)
        {
            Assert.Equal(Preempted, await WriteAsync(one[i]));
            Assert.Equal(Conflict, await WriteAsync(one[i]));
        }

        Assert.Equal(0, await WriteAsync(two[1]));
        Assert.Equal(22, (await InAsync(one[0], 1))[15]);
    });

    [Fact]
    public void A_reservation_outlives_the_leader_and_a_restart_of_all() =>
        Run(43, async (cluster, targets) =>
    {
        ClusterNode leader = cluster.Leader!;
        ClusterNode[] others = [.. cluster.Nodes.Where(node => node != leader)];
        TestInitiator holder = await targets.LogInAsync(others[0], "one");
        Assert.Equal(0, await OutAsync(holder, Register, 0, 11));
        Assert.Equal(0, await OutAsync(holder, Reserve, 11, 0, WriteExclusive));
        leader.Crash(CrashMode.DropUnflushed);
        await cluster.AwaitLeaderAsync();
        TestInitiator stranger = await targets.LogInAsync(others[1], "two");
        Assert.Equal(Conflict, await UntilNotBusyAsync(cluster, () => WriteAsync(stranger)));
        Assert.Equal(0, await UntilNotBusyAsync(cluster, () => WriteAsync(holder)));
        leader.Start();
        await cluster.AwaitInSyncAsync(3);
        await targets.ServeAsync(leader);
        TestInitiator other = await targets.LogInAsync(leader, "two");
        Assert.Equal(Conflict, await WriteAsync(other));
        Assert.Equal(11, (await InAsync(other, 1))[15]);
        foreach (ClusterNode node in cluster.Nodes) node.Crash(CrashMode.DropUnflushed);
        foreach (ClusterNode node in cluster.Nodes) node.Start();
        await cluster.AwaitInSyncAsync(3);
        foreach (ClusterNode node in cluster.Nodes) await targets.ServeAsync(node);
        other = await targets.LogInAsync(leader, "two");
        Assert.Equal(Conflict, await WriteAsync(other));
        holder = await targets.LogInAsync(others[0], "one");
        Assert.Equal(0, await WriteAsync(holder));
        Assert.Equal(0, await OutAsync(holder, Release, 11, 0, WriteExclusive));
        Assert.Equal(0, await WriteAsync(other));
    });

    [Fact]
    public void A_reservation_moves_to_a_port_of_another_node() => Run(44, async (cluster, targets) =>
    {
        TestInitiator[] one = await LogInAsync(cluster, targets, "one");
        Assert.Equal(0, await OutAsync(one[0], Register, 0, 11));
        Assert.Equal(0, await OutAsync(one[0], Reserve, 11, 0, WriteExclusive));
        byte[] name = Encoding.ASCII.GetBytes("iqn.test:one,i,0x800000000001\0\0\0");
        byte[] list = [.. new byte[24], 0x45, 0, 0, (byte)name.Length, .. name];
        list[7] = 11;
        list[15] = 33;
        list[17] = 2;
        list[19] = 3;
        list[23] = (byte)(name.Length + 4);
        Assert.Equal(0, await OutAsync(one[0], RegisterAndMove, list));
        Assert.Equal(Conflict, await WriteAsync(one[0]));
        Assert.Equal(Conflict, await WriteAsync(one[1]));
        Assert.Equal(0, await WriteAsync(one[2]));
        list[19] = 9;
        Assert.Equal(0x052600, await OutAsync(one[2], RegisterAndMove, list));
    });

    [Fact]
    public void A_unit_reserved_by_reserve_is_free_when_the_session_is_lost() =>
        Run(45, async (cluster, targets) =>
    {
        TestInitiator[] one = await LogInAsync(cluster, targets, "one");
        TestInitiator[] two = await LogInAsync(cluster, targets, "two");
        byte[] reserve = [0x16, 0, 0, 0, 0, 0];
        byte[] release = [0x17, 0, 0, 0, 0, 0];
        Assert.True((await one[0].ReadAsync(reserve)).IsGood);
        Assert.True((await one[0].ReadAsync(reserve)).IsGood);
        Assert.Equal(0, await WriteAsync(one[0]));
        for (int i = 0; i < 3; i++)
        {
            Assert.Equal(Conflict, await WriteAsync(two[i]));
            Assert.Equal(Conflict, (await two[i].ReadAsync(reserve)).Status);
            Assert.True((await two[i].ReadAsync(release)).IsGood);
        }

        Assert.Equal(Conflict, await WriteAsync(one[1]));
        Assert.Equal(Conflict, await OutAsync(two[0], Register, 0, 22));
        one[0].Connection.Close();
        await cluster.PauseAsync(100);
        for (int i = 0; i < 3; i++) Assert.Equal(0, await WriteAsync(two[i]));
        Assert.True((await two[2].ReadAsync(reserve)).IsGood);
        await one[1].SendAsync(one[1].TaskManagement(5));
        await one[1].ExpectAsync(0x22);
        await cluster.PauseAsync(100);
        Assert.Equal(0, await WriteAsync(two[0]));
    });

    [Fact]
    public void Who_reserves_again_before_the_loss_of_its_session_has_taken_effect_is_told_busy() =>
        Run(49, async (cluster, targets) =>
        {
            ClusterNode leader = cluster.Leader!;
            byte[] reserve = [0x16, 0, 0, 0, 0, 0];
            TestInitiator two = await targets.LogInAsync(leader, "two");
            TestInitiator one = await targets.LogInAsync(leader, "one");
            Assert.True((await one.ReadAsync(reserve)).IsGood);
            LeaderPart part = leader.Member!.Leader!;
            Assert.True(part.TryHold());
            one.Connection.Close();
            await cluster.PauseAsync(20);
            TestInitiator again = await targets.LogInAsync(leader, "one");
            Assert.Equal(Busy, (await again.ReadAsync(reserve)).Status);
            await cluster.OnAsync(leader.Loop!, () =>
            {
                part.Release();
                return ValueTask.FromResult(true);
            });
            await cluster.PauseAsync(100);
            Assert.True((await again.ReadAsync(reserve)).IsGood);
            await cluster.PauseAsync(2000);
            Assert.Equal(Conflict, await WriteAsync(two));
        });

    [Fact]
    public void A_node_that_may_have_missed_a_change_says_busy_rather_than_conflict() =>
        Run(46, async (cluster, targets) =>
        {
            ClusterNode leader = cluster.Leader!;
            ClusterNode cut = cluster.Nodes.First(node => node != leader);
            TestInitiator[] one = await LogInAsync(cluster, targets, "one");
            TestInitiator[] two = await LogInAsync(cluster, targets, "two");
            int away = cluster.Nodes.IndexOf(cut);
            int there = cluster.Nodes.IndexOf(leader);
            Assert.Equal(0, await OutAsync(one[there], Register, 0, 11));
            Assert.Equal(0, await OutAsync(two[away], Register, 0, 22));
            Assert.Equal(0, await OutAsync(one[there], Reserve, 11, 0, WriteExclusive));
            foreach (ClusterNode peer in cluster.Nodes.Where(node => node != cut))
                cluster.Machine.Links.CutBoth(cut.Node, peer.Node);
            Assert.Equal(0, await OutAsync(one[there], Preempt, 11, 22, WriteExclusive));
            Assert.Equal(0, await OutAsync(one[there], Release, 11, 0, WriteExclusive));
            // What it knows is that another has reserved it, and that it is registered itself.
            Assert.Equal(Busy, await WriteAsync(two[away]));
            Assert.Equal(Busy, await OutAsync(two[away], Preempt, 22, 11, WriteExclusive));
            Assert.Equal(Busy, (await two[away].ReadAsync([0x5e, 0, 0, 0, 0, 0, 0, 0, 255, 0], 255)).Status);
            cluster.Machine.Links.HealAll();
            await cluster.AwaitInSyncAsync(3);
            Assert.Equal(Preempted, await WriteAsync(two[away]));
            Assert.Equal(0, await WriteAsync(two[away]));
            Assert.Equal(Conflict, await OutAsync(two[away], Preempt, 22, 11, WriteExclusive));
        });

    [Fact]
    public void A_write_that_was_let_in_before_a_preemption_has_no_effect_behind_it() =>
        Run(47, async (cluster, _) =>
    {
        ClusterNode leader = cluster.Leader!;
        ClusterNode late = cluster.Nodes.First(node => node != leader);
        Assert.Equal(IoStatus.Ok, await ChangeAsync(cluster, leader, "", "0 -1 +generation=1"));
        // It is on its way to the leader when the reservations change there.
        Task<IoStatus> write = ClusterBlocks.WriteAsync(cluster, late, 3, 7);
        Assert.Equal(IoStatus.Ok, await ChangeAsync(
            cluster, leader, "0 -1 +generation=1", "0 -1 +generation=2"));
        IoStatus written = await write;
        int read = await ClusterBlocks.ReadAsync(cluster, leader, 3);
        Assert.Equal((IoStatus.NotLeader, 0), (written, read));
        Assert.Equal(IoStatus.Ok, await ClusterBlocks.WriteAsync(cluster, late, 3, 8));
    });

    private static async Task<IoStatus> ChangeAsync(
        Cluster cluster, ClusterNode node, string before, string after)
    {
        var result = await cluster.OnAsync(
            node.Loop!, () => node.Volume!.SharedReservations!.ChangeAsync(before, after, ""));
        return result.Difference < 0 ? result.Status : IoStatus.Aborted;
    }

    private static async ValueTask<int> UntilNotBusyAsync(Cluster cluster, Func<ValueTask<int>> ask)
    {
        for (int i = 0; i < 100; i++)
        {
            if (await ask() is var status and not Busy) return status;
            await cluster.PauseAsync(50);
        }

        return Busy;
    }

    // A path to each node.
    private static async ValueTask<TestInitiator[]> LogInAsync(
        Cluster cluster, ClusterTargets targets, string name)
    {
        List<TestInitiator> paths = [];
        foreach (ClusterNode node in cluster.Nodes) paths.Add(await targets.LogInAsync(node, name));
        return [.. paths];
    }

    private static uint Number(byte[] bytes) => BinaryPrimitives.ReadUInt32BigEndian(bytes);

    private static void Run(ulong seed, Func<Cluster, ClusterTargets, ValueTask> test)
    {
        using Cluster cluster = new(seed, 3);
        cluster.Machine.Links.Spike = 0;
        cluster.Run(async () =>
        {
            await cluster.StartAsync();
            await cluster.AwaitLeaderAsync();
            await cluster.AwaitInSyncAsync(3);
            ClusterTargets targets = new(cluster);
            foreach (ClusterNode node in cluster.Nodes) await targets.ServeAsync(node);
            await test(cluster, targets);
        });
    }
}
