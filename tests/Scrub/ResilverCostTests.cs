using Cstor.Engine.Host;
using Cstor.PoolLayout.Labels;
using Cstor.Tests.Simulation;
using Xunit;

namespace Cstor.Tests.Scrub;

public sealed class ResilverCostTests
{
    [Theory]
    [InlineData(VdevKind.Mirror, 2)]
    [InlineData(VdevKind.Mirror, 3)]
    [InlineData(VdevKind.Mirror, 4)]
    [InlineData(VdevKind.Raidz1, 3)]
    [InlineData(VdevKind.Raidz2, 5)]
    [InlineData(VdevKind.Raidz3, 6)]
    public void A_resilver_reads_and_writes_in_proportion_to_what_was_missed(VdevKind kind, int disks)
    {
        using ScanRig rig = new(2, kind, disks, 256L << 20);
        rig.Run(async () =>
        {
            const int missed = 100;
            await rig.CreateAsync();
            await rig.FillManyAsync(16_384, 1);
            await rig.TakeAwayAsync(1);
            SimulatedRandom random = SimulatedRandom.For(2, "writes");
            for (int i = 0; i < missed; i++)
                Assert.Equal(IoStatus.Ok, await rig.FillAsync((ulong)random.Below(16_384), 1, 2));
            await rig.Pool.CheckpointAsync();
            long written = rig.Disk(1).WrittenBytes;
            long read = rig.Node.Disks.All.Sum(disk => disk.ReadBytes);
            await rig.BringBackAsync(1);
            await rig.WaitAsync();
            Assert.True(rig.Device(1).IsCurrent);
            written = rig.Disk(1).WrittenBytes - written;
            read = rig.Node.Disks.All.Sum(disk => disk.ReadBytes) - read;
            // A missed block brings its leaf with two copies of 16 KiB; all of them are but 64.
            const long few = (missed * 4096L * 4) + (16L << 20);
            Assert.InRange(rig.Scan.IssuedBytes, missed * 4096L, few / 2);
            Assert.InRange(written, 1, few);
            Assert.InRange(read, 1, few);
            await rig.AssertCleanAsync();
        });
    }
}
