using Cstor.Engine.Host;
using Cstor.Engine.Pools;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Labels;
using Cstor.Tests.Simulation;
using Xunit;

namespace Cstor.Tests.Scrub;

public sealed class ScrubTests
{
    [Theory]
    [InlineData(VdevKind.Mirror, 2)]
    [InlineData(VdevKind.Mirror, 3)]
    [InlineData(VdevKind.Raidz1, 3)]
    [InlineData(VdevKind.Raidz2, 5)]
    [InlineData(VdevKind.Raidz3, 6)]
    public void Silent_damage_anywhere_on_a_disk_is_found_and_repaired(VdevKind kind, int disks)
    {
        using ScanRig rig = new(1, kind, disks);
        rig.Run(async () =>
        {
            await rig.CreateAsync(blockBytes: 16_384);
            await rig.FillManyAsync(1000, 1);
            await rig.AssertCleanAsync();
            Assert.True(rig.Rot(1, 3) > 500);
            await rig.ScrubToEndAsync();
            Assert.Equal(("scrub", "finished"), (rig.Scan.Kind, rig.Scan.State));
            Assert.True(rig.Scan.RepairedBlocks > 300, $"{rig.Scan.RepairedBlocks} repaired");
            Assert.Equal(0, rig.Scan.LostBlocks);
            Assert.Equal(rig.Device(1).ChecksumErrors, rig.Device(1).RepairedParts);
            Assert.Contains(rig.Pool.Status().Damage, report => report.What == "data");
            Assert.Contains(rig.Pool.Status().Damage, report => report.What == "node");
            await rig.AssertCleanAsync();
            for (ulong block = 0; block < 1000; block++) Assert.Equal(1, await rig.VersionAsync(block));
            Assert.Equal(IoStatus.Ok, await rig.Pool.CloseAsync(exported: true));
            Assert.Equal(0, rig.Loop.Buffers.RentedCount);
        });
    }

    [Fact]
    public void A_scrub_of_a_sound_pool_reads_every_copy_of_everything_and_writes_no_data()
    {
        using ScanRig rig = new(2, VdevKind.Mirror, 3);
        rig.Run(async () =>
        {
            await rig.CreateAsync();
            await rig.FillManyAsync(2000, 1);
            long read = rig.Disk(2).ReadBytes;
            await rig.ScrubToEndAsync();
            Assert.Equal((0, 0), (rig.Scan.RepairedBlocks, rig.Scan.LostBlocks));
            Assert.True(rig.Scan.ExaminedBytes >= 2000 * 4096, $"{rig.Scan.ExaminedBytes} examined");
            Assert.Equal(rig.Scan.ExaminedBytes, rig.Scan.TotalBytes);
            Assert.Equal(rig.Scan.ExaminedBytes * 3, rig.Scan.IssuedBytes);
            Assert.True(rig.Disk(2).ReadBytes - read >= 2000 * 4096);
            Assert.NotNull(rig.Scan.EndedAt);
            await rig.AssertCleanAsync();
        });
    }

    [Fact]
    public void A_damaged_space_map_is_repaired()
    {
        using ScanRig rig = new(3, VdevKind.Mirror, 2);
        rig.Run(async () =>
        {
            await rig.CreateAsync();
            // So many checkpoints that bitmaps were written.
            for (int i = 0; i < 24; i++) await rig.FillManyAsync(50, i + 1);
            rig.Rot(0, 1);
            await rig.ScrubToEndAsync();
            Assert.Equal(0, rig.Scan.LostBlocks);
            Assert.Contains(rig.Pool.Status().Damage, report => report.What == "space");
            await rig.AssertCleanAsync();
        });
    }

    [Fact]
    public void Metadata_that_is_wrong_on_all_disks_in_one_place_comes_back_from_the_other()
    {
        using ScanRig rig = new(4, VdevKind.Mirror, 2);
        rig.Run(async () =>
        {
            await rig.CreateAsync();
            await rig.FillManyAsync(3000, 1);
            long sector = rig.Volume.Root.Pointer.Place1.Sector;
            rig.Disk(0).Rot(Engine.Vdevs.PoolDevice.OffsetOf(sector));
            rig.Disk(1).Rot(Engine.Vdevs.PoolDevice.OffsetOf(sector));
            await rig.ScrubToEndAsync();
            Assert.Equal((1, 0), (rig.Scan.RepairedBlocks, rig.Scan.LostBlocks));
            await rig.AssertCleanAsync();
        });
    }

    [Fact]
    public void A_block_that_is_wrong_everywhere_is_counted_as_lost_and_the_scrub_goes_on()
    {
        using ScanRig rig = new(5, VdevKind.Mirror, 2);
        rig.Run(async () =>
        {
            await rig.CreateAsync();
            await rig.FillManyAsync(100, 1);
            Assert.True(rig.Volume.TryFind(50, out BlockPointer pointer));
            foreach (int disk in new[] { 0, 1 })
                rig.Disk(disk).Rot(Engine.Vdevs.PoolDevice.OffsetOf(pointer.Place0.Sector));
            Assert.True(rig.Volume.TryFind(70, out BlockPointer other));
            rig.Disk(1).Rot(Engine.Vdevs.PoolDevice.OffsetOf(other.Place0.Sector));
            await rig.ScrubToEndAsync();
            Assert.Equal((1, 1), (rig.Scan.RepairedBlocks, rig.Scan.LostBlocks));
            Assert.Equal("finished", rig.Scan.State);
        });
    }

    [Theory]
    [InlineData(11, VdevKind.Mirror, 2)]
    [InlineData(12, VdevKind.Mirror, 2)]
    [InlineData(13, VdevKind.Raidz1, 3)]
    [InlineData(14, VdevKind.Raidz2, 5)]
    public void A_scrub_under_writes_and_unmaps_damages_nothing(ulong seed, VdevKind kind, int disks)
    {
        using ScanRig rig = new(seed, kind, disks, 64L << 20);
        rig.Options = rig.Options with { PendingLimit = 200, ScanRunBytes = 65_536, ScanWindow = 4 };
        rig.Run(async () =>
        {
            const int blocks = 1500;
            await rig.CreateAsync(16L << 20);
            await rig.FillManyAsync(blocks, 1);
            int[] versions = [.. Enumerable.Repeat(1, blocks)];
            SimulatedRandom random = SimulatedRandom.For(seed, "writes");
            for (int round = 0; round < 6; round++)
            {
                rig.Rot(1, 7);
                Assert.Null((await rig.Pool.ScrubAsync(ScrubCommand.Start)).Fault);
                for (int i = 0; i < 400 || rig.Pool.Scan!.IsBusy; i++)
                {
                    int block = random.Below(blocks);
                    versions[block] = random.Chance(0.2) ? 0 : (round * 100_000) + i + 2;
                    IoStatus status = versions[block] == 0
                        ? await rig.Volume.UnmapAsync(block * 4096L, 4096)
                        : await rig.FillAsync((ulong)block, 1, versions[block]);
                    Assert.Equal(IoStatus.Ok, status);
                }
            }

            await rig.ScrubToEndAsync();
            Assert.Equal(0, rig.Scan.LostBlocks);
            for (int block = 0; block < blocks; block++)
                Assert.Equal(versions[block], await rig.VersionAsync((ulong)block));
            await rig.AssertCleanAsync();
        });
    }

    [Fact]
    public void Without_the_pin_a_scrub_looks_at_places_that_were_given_to_others()
    {
        Assert.Equal(0, WrongPartsSeen(isUnpinned: false));
        Assert.NotEqual(0, WrongPartsSeen(isUnpinned: true));
    }

    [Fact]
    public void A_paused_scrub_stays_paused_over_a_crash_and_goes_on_where_it_was()
    {
        using ScanRig rig = new(6, VdevKind.Mirror, 2);
        long examined = 0;
        rig.Run(async () =>
        {
            await rig.CreateAsync();
            await rig.FillManyAsync(16_000, 1);
            Assert.Null((await rig.Pool.ScrubAsync(ScrubCommand.Start)).Fault);
            while (rig.Pool.Core.Scans.Scrub.ExaminedBytes == 0) await rig.Loop.DelayAsync(1_000_000);
            Assert.Null((await rig.Pool.ScrubAsync(ScrubCommand.Pause)).Fault);
            Assert.Equal("paused", rig.Scan.State);
            examined = rig.Scan.ExaminedBytes;
            Assert.InRange(examined, 1, rig.Scan.TotalBytes - 1);
            await rig.Loop.DelayAsync(ScanRig.Second);
            Assert.Equal(examined, rig.Scan.ExaminedBytes);
        });
        rig.Restart(CrashMode.DropUnflushed);
        rig.Run(async () =>
        {
            await rig.ImportAsync();
            Assert.Equal(("paused", examined), (rig.Scan.State, rig.Scan.ExaminedBytes));
            long read = rig.Disk(0).ReadBytes;
            await rig.ScrubToEndAsync();
            Assert.Equal("finished", rig.Scan.State);
            Assert.True(rig.Disk(0).ReadBytes - read < rig.Scan.ExaminedBytes - (examined / 2), "began anew");
            Assert.Equal(0, rig.Scan.LostBlocks);
        });
    }

    [Fact]
    public void A_running_scrub_goes_on_by_itself_after_a_crash()
    {
        using ScanRig rig = new(7, VdevKind.Mirror, 2);
        rig.Options = rig.Options with { ScanSaveInterval = TimeSpan.Zero };
        rig.Run(async () =>
        {
            await rig.CreateAsync();
            await rig.FillManyAsync(16_000, 1);
            rig.Rot(0, 5);
            Assert.Null((await rig.Pool.ScrubAsync(ScrubCommand.Start)).Fault);
            while (rig.Pool.Core.Scans.Scrub.ExaminedBytes == 0) await rig.Loop.DelayAsync(1_000_000);
        });
        rig.Restart(CrashMode.DropUnflushed);
        rig.Run(async () =>
        {
            await rig.ImportAsync();
            Assert.Equal("running", rig.Scan.State);
            await rig.WaitAsync();
            Assert.Equal("finished", rig.Scan.State);
            await rig.AssertCleanAsync();
        });
    }

    [Fact]
    public void Commands_that_make_no_sense_are_refused_with_a_reason()
    {
        using ScanRig rig = new(8, VdevKind.Mirror, 2);
        rig.Run(async () =>
        {
            await rig.CreateAsync();
            Assert.Null(rig.Pool.Status().Scan);
            await rig.FillManyAsync(1000, 1);
            rig.Pool.Scan!.Pass.Gathered = () => rig.Loop.DelayAsync(ScanRig.Second);
            await RefusedAsync(ScrubCommand.Pause, "no-scrub");
            await RefusedAsync(ScrubCommand.Stop, "no-scrub");
            Assert.Null((await rig.Pool.ScrubAsync(ScrubCommand.Start)).Fault);
            await RefusedAsync(ScrubCommand.Start, "scrub-running");
            Assert.Null((await rig.Pool.ScrubAsync(ScrubCommand.Pause)).Fault);
            await RefusedAsync(ScrubCommand.Pause, "scrub-paused");
            Assert.Null((await rig.Pool.ScrubAsync(ScrubCommand.Stop)).Fault);
            Assert.Equal("canceled", rig.Scan.State);
            await rig.WaitAsync();
            Assert.Equal(IoStatus.Ok, await rig.Pool.CloseAsync(exported: true));
            await RefusedAsync(ScrubCommand.Start, "pool-closing");
            await rig.ImportAsync(readOnly: true);
            await RefusedAsync(ScrubCommand.Start, "pool-readonly");
            Assert.Equal("canceled", rig.Scan.State);
        });

        async ValueTask RefusedAsync(ScrubCommand command, string code)
        {
            Fault? fault = (await rig.Pool.ScrubAsync(command)).Fault;
            Assert.Equal(code, fault?.Code);
        }
    }

    [Fact]
    public void Progress_has_a_rate_and_a_time_left()
    {
        using ScanRig rig = new(9, VdevKind.Mirror, 2);
        rig.Options = rig.Options with { ScanWindow = 1, ScanRunBytes = 16_384 };
        rig.Run(async () =>
        {
            await rig.CreateAsync();
            await rig.FillManyAsync(16_000, 1);
            rig.Disk(0).Faults.SlowFactor = rig.Disk(1).Faults.SlowFactor = 30;
            Assert.Null((await rig.Pool.ScrubAsync(ScrubCommand.Start)).Fault);
            await rig.Loop.DelayAsync(3 * ScanRig.Second);
            ScanStatus scan = rig.Scan;
            Assert.Equal("running", scan.State);
            Assert.InRange(scan.ExaminedBytes, 1, scan.TotalBytes - 1);
            Assert.InRange(scan.BytesPerSecond * 3, scan.ExaminedBytes / 2, scan.ExaminedBytes * 2);
            Assert.NotNull(scan.TimeLeft);
            Assert.Equal(IoStatus.Ok, await rig.Pool.CloseAsync(exported: true));
        });
    }

    [Fact]
    public void A_scrub_takes_its_time_while_volumes_are_read_and_hurries_when_they_are_not()
    {
        using ScanRig rig = new(15, VdevKind.Mirror, 2);
        rig.Run(async () =>
        {
            await rig.CreateAsync();
            await rig.FillManyAsync(8000, 1);
            long began = rig.Loop.NowNanoseconds;
            await rig.ScrubToEndAsync();
            long idle = rig.Loop.NowNanoseconds - began;
            bool isOver = false;
            Task reader = ReadAsync();
            await rig.Loop.DelayAsync(1_000_000);
            began = rig.Loop.NowNanoseconds;
            Assert.Null((await rig.Pool.ScrubAsync(ScrubCommand.Start)).Fault);
            int samples = 0;
            int inTheWay = 0;
            for (; rig.Pool.Scan!.IsBusy; samples++)
            {
                await rig.Loop.DelayAsync(100_000);
                // One is the reader's.
                if (rig.Device(0).InFlight + rig.Device(1).InFlight > 1) inTheWay++;
            }

            Assert.InRange(inTheWay, 1, samples / 2);

            isOver = true;
            await reader;
            long busy = rig.Loop.NowNanoseconds - began;
            Assert.True(busy > idle * 3, $"{idle} ns alone, {busy} ns beside reads");

            async Task ReadAsync()
            {
                for (ulong i = 0; !isOver; i++) await rig.VersionAsync(i * 37 % 8000);
            }
        });
    }

    // Everything is written anew between the walk and the reads, some checkpoints long.
    private static long WrongPartsSeen(bool isUnpinned)
    {
        using ScanRig rig = new(10, VdevKind.Mirror, 2, 64L << 20);
        long wrong = 0;
        rig.Run(async () =>
        {
            const int blocks = 4000;
            await rig.CreateAsync(16L << 20);
            await rig.FillManyAsync(blocks, 1);
            int version = 1;
            rig.Pool.Scan!.Pass.IsUnpinned = isUnpinned;
            Task? writer = null;
            rig.Pool.Scan.Pass.Gathered = async () =>
            {
                // With the pin the writer has to wait until the pass has ended.
                writer ??= WriteAsync();
                for (int i = 0; i < 100 && !writer.IsCompleted; i++) await rig.Loop.DelayAsync(100_000_000);
            };
            await rig.ScrubToEndAsync();
            await writer!;
            await rig.AssertCleanAsync();

            async Task WriteAsync()
            {
                while (version < 8) await rig.FillManyAsync(blocks, ++version);
            }
            wrong = rig.Scan.LostBlocks + rig.Device(0).ChecksumErrors;
        });
        return wrong;
    }
}
