using Cstor.Engine.Host;
using Cstor.Engine.Pools;
using Cstor.Engine.Replicas;
using Cstor.Engine.Volumes;
using Cstor.PoolLayout;
using Cstor.Tests.Pools;
using Cstor.Tests.Simulation;
using Xunit;

namespace Cstor.Tests.Replicas;

public sealed class ReplicaTests
{
    private const int Block = PoolFixture.BlockBytes;

    [Theory]
    [InlineData(CrashMode.Random)]
    [InlineData(CrashMode.DropUnflushed)]
    [InlineData(CrashMode.KeepPrefix)]
    public void A_position_never_outlives_a_crash_without_the_entries_it_names(CrashMode mode)
    {
        for (ulong seed = 1; seed <= 12; seed++)
        {
            using PoolFixture fixture = new(seed);
            SimulatedRandom random = SimulatedRandom.For(seed, "replica");
            ulong flushed = 0;
            fixture.Run(async () =>
            {
                Pool pool = await fixture.CreateAsync();
                Replica replica = pool.ReplicaOf(await PoolFixture.VolumeAsync(pool));
                int cut = random.Between(20, 120);
                for (ulong index = 1; index <= 200; index++)
                {
                    // Every entry has a place of its own: whole blocks and parts of blocks.
                    int length = index % 3 == 0 ? 512 : Block;
                    await fixture.WriteAsync(replica.Volume, (long)index * Block, Contents(index, length));
                    replica.Position = new ReplicaPosition(7, index);
                    if (random.Chance(0.1))
                    {
                        Assert.Equal(IoStatus.Ok, await replica.FlushAsync());
                        flushed = index;
                    }

                    if (random.Chance(0.03)) Assert.Equal(IoStatus.Ok, await pool.CheckpointAsync());
                    if (index != (ulong)cut) continue;
                    fixture.Node.Crash(mode);
                    break;
                }
            }, mayCrash: true);
            fixture.Crash(mode);
            fixture.Run(async () =>
            {
                Pool pool = await fixture.ImportAsync();
                Replica replica = pool.ReplicaOf(pool.FindVolume("v")!);
                Assert.True(replica.Position.Index >= flushed);
                for (ulong index = 1; index <= replica.Position.Index; index++)
                {
                    int length = index % 3 == 0 ? 512 : Block;
                    byte[] read = await fixture.ReadAsync(replica.Volume, (long)index * Block, length);
                    Assert.Equal(Contents(index, length), read);
                }
            });
        }
    }

    [Fact]
    public void Properties_and_reservations_leave_room_for_what_a_group_keeps()
    {
        using PoolFixture fixture = new(4);
        fixture.Run(async () =>
        {
            Pool pool = await fixture.CreateAsync();
            Volume volume = await PoolFixture.VolumeAsync(pool);
            Replica replica = pool.ReplicaOf(volume);
            Assert.Equal(IoStatus.Ok, await replica.SaveStateAsync("short"));
            Assert.True((await pool.SetPropertyAsync("v", "x", new string('x', 1490))).IsOk);
            Assert.Equal(
                "properties-full", (await pool.SetPropertyAsync("v", "y", new string('y', 50))).Fault?.Code);
            int room = volume.ReservationsMaximumBytes;
            Assert.InRange(room, 1, 40);
            Assert.NotEqual(IoStatus.Ok, await volume.SaveReservationsAsync(new string('r', room + 1)));
            Assert.Equal(IoStatus.Ok, await volume.SaveReservationsAsync(new string('r', room)));
            Assert.Equal(IoStatus.Ok, await replica.SaveStateAsync(new string('s', 490)));
            Assert.Equal(IoStatus.Ok, await volume.SaveReservationsAsync(""));
        });
    }

    [Fact]
    public void What_a_group_keeps_in_a_replica_survives_a_crash()
    {
        using PoolFixture fixture = new(3);
        fixture.Run(async () =>
        {
            Pool pool = await fixture.CreateAsync();
            Replica replica = pool.ReplicaOf(await PoolFixture.VolumeAsync(pool));
            Assert.Equal("", replica.State);
            Assert.Equal(IoStatus.Ok, await replica.SaveStateAsync("epoch 3"));
        });
        fixture.Crash(CrashMode.DropUnflushed);
        fixture.Run(async () =>
        {
            Pool pool = await fixture.ImportAsync();
            Assert.Equal("epoch 3", pool.ReplicaOf(pool.FindVolume("v")!).State);
        });
    }

    [Fact]
    public void Two_equal_volumes_are_known_to_be_equal_by_their_roots_alone()
    {
        using PoolFixture fixture = new(4);
        fixture.Run(async () =>
        {
            (Volume one, Volume other, Pool pool) = await TwoAsync(fixture, 3000);
            (long nodes, List<ulong> differing) = await CompareAsync(pool, one, other);
            Assert.Empty(differing);
            Assert.Equal(2, nodes);
        });
    }

    [Fact]
    public void Differing_blocks_are_found_by_the_nodes_above_them_alone()
    {
        using PoolFixture fixture = new(5);
        fixture.Run(async () =>
        {
            (Volume one, Volume other, Pool pool) = await TwoAsync(fixture, 3000);
            ulong[] changed = [5, 6, 700, 2999];
            foreach (ulong block in changed)
                await fixture.WriteAsync(other, (long)block * Block, PoolFixture.Pattern(512, 99));
            await other.UnmapAsync(1000 * Block, Block);
            (long nodes, List<ulong> differing) = await CompareAsync(pool, one, other);
            Assert.Equal([5UL, 6, 700, 1000, 2999], differing);
            // Both roots and their children; then four leaves of the twelve on each side.
            Assert.Equal(2 + 2 + 8, nodes);
        });
    }

    private static async ValueTask<(Volume One, Volume Other, Pool Pool)> TwoAsync(
        PoolFixture fixture, int blocks)
    {
        Pool pool = await fixture.CreateAsync();
        Volume one = (await pool.CreateVolumeAsync("one", 32L << 20, Block, [])).Value;
        Volume other = (await pool.CreateVolumeAsync(
            "other", 32L << 20, Block, [new("compression", "lz4"), new("checksum", "blake3")])).Value;
        for (int block = 0; block < blocks; block += 8)
        {
            byte[] contents = PoolFixture.Pattern(8 * Block, block);
            await fixture.WriteAsync(one, (long)block * Block, contents);
        }

        for (int block = blocks - 8; block >= 0; block -= 8)
        {
            byte[] contents = PoolFixture.Pattern(8 * Block, block);
            await fixture.WriteAsync(other, (long)block * Block, contents);
        }

        return (one, other, pool);
    }

    private static async ValueTask<(long Nodes, List<ulong> Differing)> CompareAsync(
        Pool pool, Volume one, Volume other)
    {
        (IoStatus status, ContentView? left) = await pool.ReplicaOf(one).ViewAsync();
        Assert.Equal(IoStatus.Ok, status);
        (status, ContentView? right) = await pool.ReplicaOf(other).ViewAsync();
        Assert.Equal(IoStatus.Ok, status);
        Assert.NotNull(left);
        Assert.NotNull(right);
        List<ulong> differing = [];
        if ((await left.RootHashAsync()).Hash != (await right.RootHashAsync()).Hash)
            await DescendAsync(left, right, left.Height, 0, differing);
        left.Close();
        right.Close();
        return (left.NodesRead + right.NodesRead, differing);
    }

    private static async ValueTask DescendAsync(
        ContentView left, ContentView right, int level, ulong first, List<ulong> differing)
    {
        Hash128[] mine = new Hash128[ContentView.Fanout];
        Hash128[] theirs = new Hash128[ContentView.Fanout];
        Assert.Equal(IoStatus.Ok, await left.ChildHashesAsync(level, first, mine));
        Assert.Equal(IoStatus.Ok, await right.ChildHashesAsync(level, first, theirs));
        for (int i = 0; i < mine.Length; i++)
        {
            if (mine[i] == theirs[i]) continue;
            ulong child = first + ((ulong)i * ContentView.ChildSpan(level));
            if (level == 1) differing.Add(child);
            else await DescendAsync(left, right, level - 1, child, differing);
        }
    }

    private static byte[] Contents(ulong index, int length) => PoolFixture.Pattern(length, (int)index);
}
