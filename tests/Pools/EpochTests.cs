using Cstor.Engine.Host;
using Cstor.Engine.Pools;
using Cstor.Engine.Trees;
using Cstor.Engine.Volumes;
using Cstor.PoolLayout;
using Cstor.Tests.Simulation;
using Xunit;

namespace Cstor.Tests.Pools;

public sealed class EpochTests
{
    [Fact]
    public void Writes_on_both_sides_of_a_checkpoint_have_different_births()
    {
        using PoolFixture fixture = new(31);
        fixture.Run(async () =>
        {
            Pool pool = await fixture.CreateAsync();
            Volume volume = await PoolFixture.VolumeAsync(pool);
            ulong before = await BirthOfWriteAsync(fixture, volume, 1);
            Assert.Equal(IoStatus.Ok, await pool.CheckpointAsync());
            ulong after = await BirthOfWriteAsync(fixture, volume, 2);
            Assert.True(after > before, $"{before}, then {after}");
            Assert.Equal(pool.Core.Epoch, pool.Core.Devices.Epoch);
            await pool.CloseAsync(exported: true);
        });
    }

    [Fact]
    public void Nothing_is_born_after_the_node_that_leads_to_it()
    {
        using PoolFixture fixture = new(32);
        fixture.Run(async () =>
        {
            Pool pool = await fixture.CreateAsync();
            Volume volume = await PoolFixture.VolumeAsync(pool, sizeBytes: 1L << 30);
            for (int round = 0; round < 12; round++)
            {
                ValueTask<IoStatus> checkpoint = pool.CheckpointAsync();
                for (int i = 0; i < 8; i++)
                    await BirthOfWriteAsync(fixture, volume, (ulong)((round * 7919) + (i * 300)));
                Assert.Equal(IoStatus.Ok, await checkpoint);
            }

            Assert.Equal(IoStatus.Ok, await pool.CheckpointAsync());
            Assert.True(volume.Root.Height > 1);
            Assert.True(await CountAsync(pool, volume.Root.Pointer, volume.Root.Height) > 50);
            Assert.True(volume.Root.Pointer.BirthEpoch <= pool.Core.DatasetTree.Pointer.BirthEpoch);
            Assert.True(pool.Core.DatasetTree.Pointer.BirthEpoch < pool.Core.Epoch);
            await pool.CloseAsync(exported: true);
        });
    }

    [Theory]
    [InlineData(CrashMode.DropUnflushed)]
    [InlineData(CrashMode.KeepEverything)]
    public void The_epoch_never_goes_back_over_a_crash(CrashMode mode)
    {
        using PoolFixture fixture = new(33);
        ulong newest = 0;
        fixture.Run(async () =>
        {
            Pool pool = await fixture.CreateAsync();
            await PoolFixture.VolumeAsync(pool);
        });
        for (int life = 0; life < 4; life++)
        {
            fixture.Crash(mode);
            fixture.Run(async () =>
            {
                Pool pool = await fixture.ImportAsync();
                Assert.True(pool.Core.Epoch > newest, $"{pool.Core.Epoch} after {newest}");
                Volume volume = pool.FindVolume("v")!;
                for (ulong block = 0; block < 5; block++)
                    newest = Math.Max(newest, await BirthOfWriteAsync(fixture, volume, block));
                Assert.Equal(IoStatus.Ok, await volume.FlushAsync());
                if (life % 2 == 0) Assert.Equal(IoStatus.Ok, await pool.CheckpointAsync());
                ulong last = await BirthOfWriteAsync(fixture, volume, 9);
                Assert.Equal(IoStatus.Ok, await volume.FlushAsync());
                newest = Math.Max(newest, last);
            });
        }
    }

    private static async ValueTask<ulong> BirthOfWriteAsync(PoolFixture fixture, Volume volume, ulong block)
    {
        byte[] bytes = PoolFixture.Pattern(PoolFixture.BlockBytes, (int)block + 1);
        Assert.Equal(IoStatus.Ok,
            await fixture.WriteAsync(volume, (long)block * PoolFixture.BlockBytes, bytes));
        Assert.True(volume.TryFind(block, out BlockPointer pointer));
        return pointer.BirthEpoch;
    }

    private static async ValueTask<int> CountAsync(Pool pool, BlockPointer node, int level)
    {
        IoBuffer buffer = pool.Core.Loop.Buffers.Rent(Layout.NodeBytes);
        Assert.Equal(IoStatus.Ok, await pool.Core.Trees.CopyNodeAsync(node, buffer));
        BlockPointer[] children = TreeReader.Entries(buffer).ToArray();
        buffer.Release();
        int count = 0;
        foreach (BlockPointer child in children)
        {
            if (child.IsHole) continue;
            Assert.True(child.BirthEpoch <= node.BirthEpoch, $"{child} below {node}");
            count += level == 1 ? 1 : await CountAsync(pool, child, level - 1);
        }

        return count;
    }
}
