using Cstor.Engine.Host;
using Cstor.Engine.Pools;
using Cstor.Engine.Vdevs;
using Cstor.Engine.Volumes;
using Cstor.Tests.Pools;
using Cstor.Tests.Simulation;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Cstor.Tests.Maintenance;

public sealed class DivergedDeviceTests
{
    // The side that is kept has more label changes, the other one many more roots.
    [Fact]
    public void Roots_of_a_rejected_half_never_come_back()
    {
        using PoolFixture fixture = new(81, isMirror: true);
        fixture.Run(async () => await UseAsync(fixture, await fixture.CreateAsync(), 1, 1, isNew: true));
        DiskImage second = Pull(fixture, "/dev/b");
        for (int i = 0; i < 6; i++)
            fixture.Run(async () => await UseAsync(fixture, await fixture.ImportAsync(), 2, 1));
        DiskImage first = Pull(fixture, "/dev/a");
        fixture.Node.Disks.Add(second);
        fixture.Run(async () => await UseAsync(fixture, await fixture.ImportAsync(), 3, 80));
        fixture.Node.Disks.Add(first);
        fixture.Run(async () =>
        {
            PoolRegistry registry = new(fixture.Loop, NullLoggerFactory.Instance, new PoolOptions());
            ImportCandidate candidate = Assert.Single((await registry.ScanAsync([])).Value.Pools);
            Outcome<Pool> refused = await registry.ImportAsync(candidate, readOnly: false, force: false);
            Assert.Equal("pool-diverged", refused.Fault?.Code);
            Outcome<Pool> pool = await registry.ImportAsync(candidate, readOnly: false, force: true);
            Assert.Null(pool.Fault);
            PoolDevice[] devices = [.. pool.Value.Core.Devices.Tree.Devices];
            for (int i = 0; i < 100 && !Array.TrueForAll(devices, static device => device.IsCurrent); i++)
                await fixture.Loop.DelayAsync(1_000_000_000);
            Assert.All(devices, static device => Assert.True(device.IsCurrent));
            await AssertContentsAsync(fixture, pool.Value);
            await pool.Value.CloseAsync(exported: true);
        });
        fixture.Run(async () =>
        {
            Pool pool = await fixture.ImportAsync();
            await AssertContentsAsync(fixture, pool);
            await PoolFixture.AssertCleanAsync(pool);
            await pool.CloseAsync(exported: true);
        });
    }

    private static DiskImage Pull(PoolFixture fixture, string path)
    {
        DiskImage image = fixture.Node.Disks[path].ImageAfterCrash(CrashMode.KeepEverything, 1);
        fixture.Node.Disks.Remove(path);
        return image;
    }

    private static async ValueTask UseAsync(
        PoolFixture fixture, Pool pool, int pattern, int checkpoints, bool isNew = false)
    {
        Volume volume = isNew ? await PoolFixture.VolumeAsync(pool) : pool.FindVolume("v")!;
        for (int i = 0; i < checkpoints; i++)
        {
            byte[] bytes = PoolFixture.Pattern(8 * PoolFixture.BlockBytes, pattern);
            Assert.Equal(IoStatus.Ok, await fixture.WriteAsync(volume, 0, bytes));
            Assert.Equal(IoStatus.Ok, await pool.CheckpointAsync());
        }

        Assert.Equal(IoStatus.Ok, await pool.CloseAsync(exported: false));
    }

    private static async ValueTask AssertContentsAsync(PoolFixture fixture, Pool pool)
    {
        byte[] found = await fixture.ReadAsync(pool.FindVolume("v")!, 0, 8 * PoolFixture.BlockBytes);
        Assert.Equal(PoolFixture.Pattern(8 * PoolFixture.BlockBytes, 2), found);
    }
}
