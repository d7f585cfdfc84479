// The power goes at writes of a resilver and of what happens beside it. After the import the resilver goes on
// or begins anew; then every device must have every block, and everything flushed must be there.
using Cstor.Engine.Host;
using Cstor.PoolLayout.Labels;
using Cstor.Tests.Simulation;
using Xunit;

namespace Cstor.Tests.Scrub;

[Trait("Category", "Simulation")]
public sealed class ScanCrashTests
{
    private const int Blocks = 700;

    private static readonly CrashMode[] Modes =
        [CrashMode.Random, CrashMode.DropUnflushed, CrashMode.KeepPrefix, CrashMode.TearUnflushed];

    [Theory]
    [InlineData(VdevKind.Mirror, 2)]
    [InlineData(VdevKind.Mirror, 3)]
    [InlineData(VdevKind.Raidz1, 3)]
    [InlineData(VdevKind.Raidz2, 4)]
    public void A_resilver_that_crashes_cut_off_leaves_nothing_out(VdevKind kind, int disks)
    {
        int resumed = 0;
        for (ulong seed = 1; seed <= 12; seed++)
        {
            if (Crash(seed, kind, disks)) resumed++;
        }

        Assert.True(resumed > 0, "no resilver went on where it was");
    }

    // Returns whether a resilver went on from a position.
    private static bool Crash(ulong seed, VdevKind kind, int disks)
    {
        using ScanRig rig = new(seed, kind, disks, 80L << 20);
        rig.Options = rig.Options with
        {
            ScanPassBlocks = 60, ScanRunBytes = 32_768, ScanSaveInterval = TimeSpan.Zero, PendingLimit = 150,
        };
        SimulatedRandom random = SimulatedRandom.For(seed, "crashes");
        int[] flushed = new int[Blocks];
        int version = 1;
        bool isResumed = false;
        rig.Run(async () =>
        {
            await rig.CreateAsync(16L << 20);
            await rig.FillManyAsync(Blocks, version);
            Array.Fill(flushed, version);
            await rig.TakeAwayAsync(1);
            await rig.FillManyAsync(400, ++version);
            Array.Fill(flushed, version, 0, 400);
        });
        for (int life = 0; life < 4; life++)
        {
            bool isFirst = life == 0;
            rig.Node.CrashAtWrite(
                rig.Node.WriteBoundaryCount + random.Below(400), random.Coin(), Modes[random.Below(4)]);
            RunEnd end = rig.RunTillDeath(async () =>
            {
                if (isFirst) await rig.BringBackAsync(1);
                else await rig.ImportAsync();
                isResumed |= rig.Pool.Core.Scans.CanResume && rig.Pool.Core.Scans.Resilver.Block > 0;
                while (rig.Pool.Scan!.IsBusy) await WriteAsync();
            });
            if (end == RunEnd.Completed) break;
            rig.Restart(CrashMode.DropUnflushed);
        }

        rig.Node.CancelCrash();
        rig.Restart(CrashMode.Random);
        rig.Run(async () =>
        {
            await rig.ImportAsync();
            await rig.WaitAsync();
            Assert.True(Array.TrueForAll(
                rig.Pool.Core.Devices.Tree.Vdevs[0].Devices, device => device.IsCurrent), $"seed {seed}");
            await rig.AssertCleanAsync();
            for (int block = 0; block < Blocks; block++)
            {
                int found = await rig.VersionAsync((ulong)block);
                Assert.True(
                    found >= flushed[block], $"seed {seed}: block {block}: {found}, {flushed[block]}");
            }
        });
        return isResumed;

        async ValueTask WriteAsync()
        {
            int block = random.Below(Blocks);
            int mine = ++version;
            Assert.Equal(IoStatus.Ok, await rig.FillAsync((ulong)block, 1, mine));
            if (!random.Chance(0.2)) return;
            Assert.Equal(IoStatus.Ok, await rig.Volume.FlushAsync());
            flushed[block] = mine;
        }
    }
}
