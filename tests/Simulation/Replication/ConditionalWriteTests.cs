using Cstor.Engine.Host;
using Cstor.Engine.Volumes;
using Cstor.Tests.Target;
using Xunit;

namespace Cstor.Tests.Simulation.Replication;

/// <summary>COMPARE AND WRITE and ORWRITE through any node of a replicated volume.</summary>
public sealed class ConditionalWriteTests
{
    private const int Block = 512;
    private const int Miscompare = 0x0e1d00;

    [Fact]
    public void Blocks_are_compared_and_written_through_every_node() => Run(51, async (cluster, paths) =>
    {
        byte[] before = new byte[2 * Block];
        for (byte i = 1; i <= 3; i++)
        {
            byte[] after = Filled(2 * Block, i);
            byte[] cdb = Cdb.CompareAndWrite(8, 2);
            Assert.True((await paths[i - 1].WriteAsync(cdb, [.. before, .. after])).IsGood);
            ScsiAnswer late = await paths[i % 3].WriteAsync(cdb, [.. before, .. before]);
            Assert.Equal(Miscompare, late.SenseCode);
            foreach (TestInitiator path in paths)
                Assert.Equal(after, (await path.ReadAsync(Cdb.Ten(0x28, 8, 2), 2 * Block)).Data);
            before = after;
        }

        byte[] other = [.. before];
        other[700] ^= 1;
        ScsiAnswer answer = await paths[1].WriteAsync(Cdb.CompareAndWrite(8, 2), [.. other, .. other]);
        Assert.Equal(Miscompare, answer.SenseCode);
        Assert.Equal(700, answer.Sense[5] << 8 | answer.Sense[6]);
        await cluster.AssertEqualAsync();
    });

    [Fact]
    public void Bits_that_several_nodes_set_at_once_are_all_set() => Run(52, async (cluster, paths) =>
    {
        const int Blocks = 512;
        ValueTask<ScsiAnswer>[] asked =
        [
            .. paths.Select(static (path, i) => path.WriteAsync(
                Cdb.Sixteen(0x8b, 3, Blocks), Filled(Blocks * Block, (byte)(1 << i)))),
        ];
        foreach (ValueTask<ScsiAnswer> one in asked) Assert.True((await one).IsGood);
        byte[] read = (await paths[0].ReadAsync(Cdb.Ten(0x28, 3, Blocks), Blocks * Block)).Data;
        Assert.Equal(Filled(Blocks * Block, 7), read);
        await cluster.AssertEqualAsync();
    });

    [Fact]
    public void What_may_have_been_written_is_not_written_twice() => Run(53, async (cluster, _) =>
    {
        ClusterNode leader = cluster.Leader!;
        ClusterNode follower = cluster.Nodes.First(node => node != leader);
        // Whose acknowledgement is waited for.
        ClusterNode third = cluster.Nodes.First(node => node != leader && node != follower);
        cluster.Machine.Links.CutBoth(leader.Node, third.Node);
        Task<CompareResult> asked = CompareAsync(cluster, follower, 0, 5);
        await cluster.UntilAsync(
            () => leader.Member!.Leader is { IsQuiet: false }, 1000, "it is under way at the leader");
        cluster.Machine.Links.ResetConnections(leader.Node, follower.Node);
        // Not that something else was there, which is what a second attempt would have found.
        Assert.Equal(IoStatus.Aborted, (await asked).Status);
        cluster.Machine.Links.HealAll();
        await cluster.AwaitInSyncAsync(3);
        Assert.Equal(5, await ClusterBlocks.ReadAsync(cluster, follower, 1));
        Assert.Equal(new CompareResult(IoStatus.Ok), await CompareAsync(cluster, follower, 5, 6));
        Assert.Equal(new CompareResult(IoStatus.Ok, 0), await CompareAsync(cluster, leader, 5, 7));
    });

    private static Task<CompareResult> CompareAsync(
        Cluster cluster, ClusterNode node, byte expected, byte value)
    {
        const int Bytes = Cluster.BlockBytes;
        return cluster.OnAsync(node.Loop!, async () =>
        {
            IoBuffer buffer = node.Loop!.Buffers.Rent(2 * Bytes);
            buffer.Span[..Bytes].Fill(expected);
            buffer.Span[Bytes..(2 * Bytes)].Fill(value);
            CompareResult result =
                await node.Volume!.CompareAndWriteAsync(Bytes, buffer.First(2 * Bytes));
            buffer.Release();
            return result;
        });
    }

    private static byte[] Filled(int length, byte value)
    {
        byte[] bytes = new byte[length];
        bytes.AsSpan().Fill(value);
        return bytes;
    }

    private static void Run(ulong seed, Func<Cluster, TestInitiator[], ValueTask> test)
    {
        using Cluster cluster = new(seed, 3);
        cluster.Machine.Links.Spike = 0;
        cluster.Run(async () =>
        {
            await cluster.StartAsync();
            await cluster.AwaitLeaderAsync();
            await cluster.AwaitInSyncAsync(3);
            ClusterTargets targets = new(cluster);
            List<TestInitiator> paths = [];
            foreach (ClusterNode node in cluster.Nodes)
            {
                await targets.ServeAsync(node);
                paths.Add(await targets.LogInAsync(node, "one"));
            }

            await test(cluster, [.. paths]);
        });
    }
}
