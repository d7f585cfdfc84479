using Cstor.Engine.Host;
using Cstor.Engine.Pools;
using Cstor.Engine.Vdevs;
using Cstor.Engine.Volumes;
using Cstor.PoolLayout.Labels;
using Cstor.Tests.Pools;
using Xunit;

namespace Cstor.Tests.Maintenance;

public sealed class GrowthAndSpareTests
{
    private const long Small = 96L << 20;
    private const long Large = 224L << 20;
    private const int Chunk = 1 << 20;

    [Theory]
    [InlineData(VdevKind.Mirror, 2)]
    [InlineData(VdevKind.Raidz1, 3)]
    public void A_pool_whose_disks_were_all_replaced_by_larger_ones_is_larger_and_uses_it(VdevKind kind,
        int width)
    {
        string[] old = [.. Enumerable.Range(0, width).Select(PoolFixture.PathOf)];
        using PoolFixture rig = new(1, width, Small, new VdevSpec(kind, old));
        for (int i = 0; i < width; i++) rig.Node.Disks.Add($"/dev/n{i}", Large);
        int chunks = 0;
        rig.Run(async () =>
        {
            Pool pool = await rig.CreateAsync();
            Volume volume = await PoolFixture.VolumeAsync(pool, 16384, sizeBytes: 1L << 30);
            long before = pool.Status().SizeBytes;
            for (int i = 0; i < width; i++)
            {
                Assert.Equal(before, pool.Status().SizeBytes);
                Assert.Null((await pool.ReplaceAsync(old[i], $"/dev/n{i}", false)).Fault);
                await RestAsync(rig, pool);
            }

            Assert.All(pool.Status().Vdevs[0].Children, child => Assert.StartsWith("/dev/n", child.Path));
            Assert.True(pool.Status().SizeBytes > before * 2, $"{pool.Status().SizeBytes} of {before}");
            // More than the old disks could hold.
            long wanted = Small * (kind == VdevKind.Mirror ? 1 : 2) * 5 / 4;
            for (; (long)chunks * Chunk < wanted; chunks++)
                Assert.Equal(IoStatus.Ok, await rig.WriteAsync(
                    volume, (long)chunks * Chunk, PoolFixture.Pattern(Chunk, chunks)));
            await PoolFixture.AssertCleanAsync(pool);
            await pool.CloseAsync(exported: true);
        });
        foreach (string path in old) rig.Node.Disks.Remove(path);
        rig.Run(async () =>
        {
            Pool pool = await rig.ImportAsync();
            Volume volume = pool.FindVolume("v")!;
            for (int i = 0; i < chunks; i++)
                Assert.Equal(
                    PoolFixture.Pattern(Chunk, i), await rig.ReadAsync(volume, (long)i * Chunk, Chunk));
            await pool.CloseAsync(exported: true);
        });
    }

    [Fact]
    public void A_spare_stands_in_by_itself_and_waits_again_when_the_device_is_back()
    {
        using PoolFixture rig = new(
            2, 4, Small, new VdevSpec(VdevKind.Raidz1, ["/dev/a", "/dev/b", "/dev/c"]),
            new VdevSpec(VdevKind.Disk, ["/dev/d"], VdevRole.Spare));
        rig.Run(async () =>
        {
            Pool pool = await rig.CreateAsync();
            Volume volume = await PoolFixture.VolumeAsync(pool);
            rig.Node.Disks["/dev/b"].Faults.WriteError = 1;
            byte[] data = PoolFixture.Pattern(Chunk, 7);
            Assert.Equal(IoStatus.Ok, await rig.WriteAsync(volume, 0, data, durable: true));
            await RestAsync(rig, pool);
            VdevStatus group = pool.Status().Vdevs[0].Children[1];
            Assert.Equal("spare", group.Kind);
            Assert.Equal(
                [("/dev/b", "faulted"), ("/dev/d", "online")],
                group.Children.Select(child => (child.Path, child.State)));
            // With the spare in place another device may go.
            Assert.Null((await pool.OfflineAsync("/dev/a")).Fault);
            Assert.Equal(data, await rig.ReadAsync(volume, 0, Chunk));
            Assert.Null((await pool.OnlineAsync("/dev/a")).Fault);
            rig.Node.Disks["/dev/b"].Faults.Clear();
            Assert.Null((await pool.ClearAsync("/dev/b")).Fault);
            await RestAsync(rig, pool);
            Assert.Equal(
                [("raidz1", "online"), ("disk", "available")],
                pool.Status().Vdevs.Select(vdev => (vdev.Kind, vdev.State)));
            await PoolFixture.AssertCleanAsync(pool);
            await pool.CloseAsync(exported: true);
        });
    }

    private static async ValueTask RestAsync(PoolFixture rig, Pool pool)
    {
        for (int seconds = 0; seconds < 300; seconds++)
        {
            await rig.Loop.DelayAsync(1_000_000_000);
            bool isRebuilding = pool.Core.Devices.Tree.Devices.Any(device => device.IsRebuilding);
            if (!isRebuilding && pool.Status().Scan is not { State: "running" }) return;
        }

        Assert.Fail($"still busy: {pool.Status().Scan}");
    }
}
