using Cstor.Engine.Host;
using Cstor.Engine.Pools;
using Cstor.Engine.Vdevs;
using Cstor.Engine.Volumes;
using Cstor.PoolLayout.Labels;
using Cstor.Tests.Pools;
using Cstor.Tests.Simulation;
using Xunit;

namespace Cstor.Tests.Maintenance;

public sealed class LostVdevTests
{
    private const int Blocks = 2048;

    [Theory]
    [InlineData(VdevKind.Mirror)]
    [InlineData(VdevKind.Raidz1)]
    public void A_pool_that_lost_a_whole_vdev_is_read_as_far_as_it_goes_and_says_what_is_gone(VdevKind kind)
    {
        string[] first = ["/dev/a", "/dev/b", "/dev/c"];
        string[] second = ["/dev/d", "/dev/e", "/dev/f"];
        using PoolFixture rig = new(1, 6, 128L << 20, new VdevSpec(kind, first), new VdevSpec(kind, second));
        rig.Run(async () =>
        {
            Pool pool = await rig.CreateAsync();
            Volume volume = await PoolFixture.VolumeAsync(pool);
            for (int i = 0; i < Blocks; i += 64)
            {
                byte[] data = PoolFixture.Pattern(64 * PoolFixture.BlockBytes, i);
                Assert.Equal(IoStatus.Ok, await rig.WriteAsync(volume, (long)i * PoolFixture.BlockBytes,
                    data));
            }

            await pool.CloseAsync(exported: true);
        });
        foreach (string path in second) rig.Node.Disks.Remove(path);
        rig.Run(async () =>
        {
            PoolRegistry registry = new(
                rig.Loop, Microsoft.Extensions.Logging.Abstractions.NullLoggerFactory.Instance,
                    new PoolOptions());
            ImportCandidate found = Assert.Single((await registry.ScanAsync([])).Value.Pools);
            Fault refused = (await registry.ImportAsync(found, readOnly: false, force: true)).Fault!;
            Assert.Equal("device-missing", refused.Code);
            Assert.All(second, path => Assert.Contains(path, refused.Message, StringComparison.Ordinal));

            long changes = rig.Node.Disks.All.Sum(disk => disk.Requests(DiskRequestKind.Write));
            Pool pool = await rig.ImportAsync(readOnly: true);
            Assert.All(second, path => Assert.Contains(path, pool.Status().Reason, StringComparison.Ordinal));
            Assert.Equal(["degraded", "online"], pool.Status().Vdevs.Select(vdev =>
                vdev.State).Order().Select(
                state => state == "faulted" ? "degraded" : state));
            Volume volume = pool.FindVolume("v")!;
            int read = 0;
            int lost = 0;
            for (int i = 0; i < Blocks; i++)
            {
                IoBuffer buffer = rig.Loop.Buffers.Rent(PoolFixture.BlockBytes);
                IoStatus status = await volume.ReadAsync(
                    (long)i * PoolFixture.BlockBytes, buffer.First(PoolFixture.BlockBytes));
                byte[] expected = PoolFixture.Pattern(64 * PoolFixture.BlockBytes, i & ~63);
                if (status == IoStatus.Ok)
                {
                    Assert.True(buffer.First(PoolFixture.BlockBytes).Span.SequenceEqual(
                        expected.AsSpan((i & 63) * PoolFixture.BlockBytes, PoolFixture.BlockBytes)));
                    read++;
                }
                else
                {
                    lost++;
                }

                buffer.Release();
            }

            Assert.True(read > Blocks / 4 && lost > Blocks / 4, $"{read} read, {lost} lost");
            Assert.Equal("pool-readonly", (await pool.OfflineAsync("/dev/a")).Fault!.Code);
            await pool.CloseAsync(exported: false);
            Assert.Equal(changes, rig.Node.Disks.All.Sum(disk => disk.Requests(DiskRequestKind.Write)));
        });
    }
}
