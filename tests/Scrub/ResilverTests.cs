using Cstor.Engine.Host;
using Cstor.Engine.Pools;
using Cstor.PoolLayout.Labels;
using Cstor.Tests.Simulation;
using Xunit;

namespace Cstor.Tests.Scrub;

public sealed class ResilverTests
{
    [Theory]
    [InlineData(VdevKind.Mirror, 2, 4096)]
    [InlineData(VdevKind.Mirror, 3, 16_384)]
    [InlineData(VdevKind.Mirror, 4, 4096)]
    [InlineData(VdevKind.Raidz1, 3, 16_384)]
    [InlineData(VdevKind.Raidz2, 5, 4096)]
    [InlineData(VdevKind.Raidz3, 6, 16_384)]
    public void A_device_that_was_away_gets_what_it_missed(VdevKind kind, int disks, int blockBytes)
    {
        using ScanRig rig = new(1, kind, disks);
        rig.Run(async () =>
        {
            await rig.CreateAsync(blockBytes: blockBytes);
            await rig.FillManyAsync(1000, 1);
            await rig.TakeAwayAsync(1);
            await rig.FillManyAsync(700, 2);
            await rig.Volume.UnmapAsync(0, 64L * blockBytes);
            await rig.BringBackAsync(1);
            Assert.Equal(("resilver", "running"), (rig.Scan.Kind, rig.Scan.State));
            await rig.WaitAsync();
            Assert.Equal(("resilver", "finished"), (rig.Scan.Kind, rig.Scan.State));
            Assert.True(rig.Device(1).IsCurrent);
            await rig.AssertCleanAsync();
            for (ulong block = 0; block < 1000; block += 3)
                Assert.Equal(block < 64 ? 0 : block < 700 ? 2 : 1, await rig.VersionAsync(block));
            Assert.Equal(IoStatus.Ok, await rig.Pool.CloseAsync(exported: true));
            Assert.Equal(0, rig.Loop.Buffers.RentedCount);
            await rig.ImportAsync();
            Assert.True(rig.Device(1).IsCurrent);
            Assert.False(rig.Pool.Scan!.IsBusy);
            Assert.Equal("finished", rig.Scan.State);
        });
    }

    [Theory]
    [InlineData(21, VdevKind.Mirror, 2)]
    [InlineData(22, VdevKind.Mirror, 3)]
    [InlineData(23, VdevKind.Raidz1, 3)]
    [InlineData(24, VdevKind.Raidz2, 5)]
    public void A_resilver_under_load_leaves_nothing_out(ulong seed, VdevKind kind, int disks)
    {
        using ScanRig rig = new(seed, kind, disks, 64L << 20);
        rig.Options = rig.Options with { PendingLimit = 300, ScanRunBytes = 32_768, ScanWindow = 3 };
        rig.Run(async () =>
        {
            const int blocks = 1500;
            await rig.CreateAsync(16L << 20);
            await rig.FillManyAsync(blocks, 1);
            int[] versions = [.. Enumerable.Repeat(1, blocks)];
            SimulatedRandom random = SimulatedRandom.For(seed, "writes");
            int version = 2;
            for (int round = 0; round < 4; round++)
            {
                await rig.TakeAwayAsync(1);
                for (int i = 0; i < 200; i++) await ChangeAsync();
                Task[] writers = [.. Enumerable.Range(0, 6).Select(_ => WriteAsync(40))];
                await rig.BringBackAsync(1);
                foreach (Task writer in writers) await writer;
                while (rig.Pool.Scan!.IsBusy) await ChangeAsync();
                Assert.True(rig.Device(1).IsCurrent);
                await rig.AssertCleanAsync();
            }

            versions[0] = 1;
            Assert.Equal(IoStatus.Ok, await rig.FillAsync(0, 1, 1));
            for (int block = 0; block < blocks; block++)
                Assert.Equal(versions[block], await rig.VersionAsync((ulong)block));

            async Task WriteAsync(int count)
            {
                for (int i = 0; i < count; i++) await ChangeAsync();
            }

            // No two of one block at once: what came last would be anybody's guess.
            async ValueTask ChangeAsync()
            {
                int mine = version++;
                int block = 1 + ((mine * 577) % (blocks - 1));
                versions[block] = random.Chance(0.2) ? 0 : mine;
                IoStatus status = versions[block] == 0
                    ? await rig.Volume.UnmapAsync(block * 4096L, 4096)
                    : await rig.FillAsync((ulong)block, 1, mine);
                Assert.Equal(IoStatus.Ok, status);
            }
        });
    }

    [Fact]
    public void Without_the_barrier_a_write_that_was_under_way_is_left_out()
    {
        Assert.Equal("", LeftOut(isWithoutBarrier: false));
        Assert.NotEqual("", LeftOut(isWithoutBarrier: true));
    }

    [Fact]
    public void A_device_that_fails_again_is_not_declared_complete_and_gets_everything_when_it_is_back()
    {
        using ScanRig rig = new(4, VdevKind.Mirror, 2);
        rig.Run(async () =>
        {
            await rig.CreateAsync();
            await rig.FillManyAsync(2000, 1);
            await rig.TakeAwayAsync(1);
            await rig.FillManyAsync(1000, 2);
            int passes = 0;
            rig.Pool.Scan!.Pass.Gathered = async () =>
            {
                if (passes++ == 0) await rig.TakeAwayAsync(1);
            };
            await rig.BringBackAsync(1);
            await rig.WaitAsync();
            Assert.Equal("canceled", rig.Scan.State);
            Assert.False(rig.Device(1).IsCurrent);
            Assert.True(rig.Pool.Core.Devices.IsDegraded);
            await rig.FillManyAsync(500, 3);
            await rig.BringBackAsync(1);
            await rig.WaitAsync();
            Assert.Equal("finished", rig.Scan.State);
            Assert.True(rig.Device(1).IsCurrent);
            await rig.AssertCleanAsync();
        });
    }

    [Fact]
    public void A_device_that_was_away_for_a_moment_during_its_resilver_is_not_declared_complete_by_it()
    {
        using ScanRig rig = new(5, VdevKind.Mirror, 2);
        rig.Run(async () =>
        {
            await rig.CreateAsync();
            await rig.FillManyAsync(2000, 1);
            await rig.TakeAwayAsync(1);
            await rig.FillManyAsync(1000, 2);
            int passes = 0;
            rig.Pool.Scan!.Pass.Gathered = async () =>
            {
                if (passes++ > 0) return;
                await rig.TakeAwayAsync(1);
                await rig.FillManyAsync(300, 3);
                await rig.BringBackAsync(1);
            };
            await rig.BringBackAsync(1);
            await rig.WaitAsync();
            Assert.True(passes > 1, "there was no second resilver");
            Assert.True(rig.Device(1).IsCurrent);
            await rig.AssertCleanAsync();
        });
    }

    [Fact]
    public void A_second_device_that_comes_during_a_resilver_is_brought_up_to_date_too()
    {
        using ScanRig rig = new(6, VdevKind.Mirror, 3);
        rig.Run(async () =>
        {
            await rig.CreateAsync();
            await rig.FillManyAsync(2000, 1);
            await rig.TakeAwayAsync(1);
            await rig.TakeAwayAsync(2);
            await rig.FillManyAsync(1000, 2);
            int passes = 0;
            rig.Pool.Scan!.Pass.Gathered = async () =>
            {
                if (passes++ == 0) await rig.BringBackAsync(2);
            };
            await rig.BringBackAsync(1);
            await rig.WaitAsync();
            Assert.True(rig.Device(1).IsCurrent && rig.Device(2).IsCurrent);
            await rig.AssertCleanAsync();
        });
    }

    [Fact]
    public void A_resilver_goes_before_a_scrub_which_goes_on_after_it()
    {
        using ScanRig rig = new(7, VdevKind.Mirror, 2);
        rig.Run(async () =>
        {
            await rig.CreateAsync();
            await rig.FillManyAsync(3000, 1);
            rig.Pool.Scan!.Pass.Gathered = () => rig.Loop.DelayAsync(ScanRig.Second);
            Assert.Null((await rig.Pool.ScrubAsync(ScrubCommand.Start)).Fault);
            Assert.Equal(("scrub", "running"), (rig.Scan.Kind, rig.Scan.State));
            await rig.TakeAwayAsync(1);
            await rig.FillManyAsync(100, 2);
            await rig.BringBackAsync(1);
            Fault? fault = (await rig.Pool.ScrubAsync(ScrubCommand.Start)).Fault;
            Assert.Equal("scrub-running", fault?.Code);
            while (!rig.Device(1).IsCurrent) await rig.Loop.DelayAsync(1_000_000);
            await rig.WaitAsync();
            Assert.Equal(("scrub", "finished", 0), (rig.Scan.Kind, rig.Scan.State, rig.Scan.LostBlocks));
            await rig.AssertCleanAsync();
        });
    }

    [Fact]
    public void A_block_that_is_lost_is_counted_and_does_not_keep_the_device_out()
    {
        using ScanRig rig = new(8, VdevKind.Mirror, 2);
        rig.Run(async () =>
        {
            await rig.CreateAsync();
            await rig.TakeAwayAsync(1);
            await rig.FillManyAsync(100, 2);
            Assert.True(rig.Volume.TryFind(50, out Cstor.PoolLayout.BlockPointer pointer));
            rig.Disk(0).Rot(Engine.Vdevs.PoolDevice.OffsetOf(pointer.Place0.Sector));
            await rig.BringBackAsync(1);
            await rig.WaitAsync();
            Assert.Equal(("finished", 1), (rig.Scan.State, rig.Scan.LostBlocks));
            Assert.True(rig.Device(1).IsCurrent);
        });
    }

    [Fact]
    public void A_device_that_hangs_during_a_resilver_neither_stops_nor_spoils_it()
    {
        using ScanRig rig = new(9, VdevKind.Mirror, 3);
        rig.Run(async () =>
        {
            await rig.CreateAsync();
            await rig.FillManyAsync(2000, 1);
            await rig.TakeAwayAsync(1);
            await rig.FillManyAsync(1500, 2);
            rig.Pool.Scan!.Pass.Gathered = () =>
            {
                rig.Disk(0).Faults.Stall = 1;
                rig.Disk(0).Faults.StallNanoseconds = 60 * ScanRig.Second;
                return ValueTask.CompletedTask;
            };
            await rig.BringBackAsync(1);
            while (!rig.Device(1).IsCurrent) await rig.Loop.DelayAsync(100_000_000);
            Assert.Equal(0, rig.Scan.LostBlocks);
            rig.Disk(0).Faults.Clear();
            rig.Pool.Scan.Pass.Gathered = null;
            await rig.Loop.DelayAsync(120 * ScanRig.Second);
            await rig.WaitAsync();
            await rig.AssertCleanAsync();
        });
    }

    // One write hangs on the disk that is in use, while the other comes back and is brought up to date.
    private static string LeftOut(bool isWithoutBarrier)
    {
        using ScanRig rig = new(3, VdevKind.Mirror, 2);
        string problems = "";
        rig.Run(async () =>
        {
            await rig.CreateAsync();
            await rig.FillManyAsync(500, 1);
            await rig.TakeAwayAsync(1);
            rig.Pool.Scan!.IsWithoutBarrier = isWithoutBarrier;
            bool isHanging = false;
            rig.Disk(0).Faults.StallNanoseconds = 2 * ScanRig.Second;
            rig.Disk(0).Faults.Script = request =>
            {
                if (isHanging || request.Kind != DiskRequestKind.Write) return null;
                isHanging = true;
                return DiskFault.Stall;
            };
            Task<IoStatus> write = rig.FillAsync(100, 1, 2).AsTask();
            await rig.Loop.DelayAsync(1_000_000);
            Assert.True(isHanging && !write.IsCompleted);
            await rig.BringBackAsync(1);
            await rig.Loop.DelayAsync(ScanRig.Second);
            Assert.Equal(isWithoutBarrier, rig.Device(1).IsCurrent);
            Assert.Equal(IoStatus.Ok, await write);
            await rig.WaitAsync();
            Assert.True(rig.Device(1).IsCurrent);
            Engine.Checking.CheckReport report = await Engine.Checking.PoolChecker.CheckAsync(rig.Pool);
            problems = report.IsClean ? "" : report.ToString();
        });
        return problems;
    }
}
