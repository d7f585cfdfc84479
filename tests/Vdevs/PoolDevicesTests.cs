using Cstor.Engine.Host;
using Cstor.Engine.Vdevs;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Labels;
using Cstor.Tests.Simulation;
using Xunit;

namespace Cstor.Tests.Vdevs;

public sealed class PoolDevicesTests
{
    [Fact]
    public void A_flush_reaches_only_devices_with_writes_that_none_covered()
    {
        using VdevRig rig = new(1, 2);
        rig.Run(async () =>
        {
            PoolDevices pool = await rig.CreateAsync(VdevRig.Disk(0), VdevRig.Disk(1));
            await pool.FlushAsync();
            long[] before = [Flushes(0), Flushes(1)];
            await rig.WriteAsync(pool, new BlockPlace(1, 7), 1);
            Assert.Equal(IoStatus.Ok, await pool.FlushAsync());
            Assert.Equal(IoStatus.Ok, await pool.FlushAsync());
            Assert.Equal([0, 1], [Flushes(0) - before[0], Flushes(1) - before[1]]);
        });

        long Flushes(int disk) => rig.DiskAt(disk).Requests(DiskRequestKind.Flush);
    }

    [Fact]
    public void A_write_under_way_during_a_flush_is_flushed_by_the_next()
    {
        for (ulong seed = 0; seed < 60; seed++)
        {
            using VdevRig rig = new(seed, 1);
            rig.Run(async () =>
            {
                PoolDevices pool = await rig.CreateAsync(VdevRig.Disk(0));
                ValueTask<IoStatus> write = rig.WriteAsync(pool, new BlockPlace(0, 7), 0x70);
                ValueTask<IoStatus> flush = pool.FlushAsync();
                Assert.Equal((IoStatus.Ok, IoStatus.Ok), (await write, await flush));
                Assert.Equal(IoStatus.Ok, await pool.FlushAsync());
            });
            rig.Restart(CrashMode.DropUnflushed);
            Assert.Equal(0x70, rig.DiskAt(0).Peek(VdevRig.OffsetOf(new BlockPlace(0, 7)))[0]);
        }
    }

    [Fact]
    public void Concurrent_flushes_are_each_as_good_as_one()
    {
        for (ulong seed = 0; seed < 40; seed++)
        {
            using VdevRig rig = new(seed, 2);
            int acknowledged = 0;
            rig.Run(async () =>
            {
                PoolDevices pool = await rig.CreateAsync(VdevRig.Mirror(0, 1));
                rig.Node.CrashAtWrite(
                    rig.Node.WriteBoundaryCount + 12, isMidway: true, CrashMode.DropUnflushed);
                ValueTask first = WriteAndFlushAsync(1);
                ValueTask second = WriteAndFlushAsync(2);
                await first;
                await second;

                async ValueTask WriteAndFlushAsync(int writer)
                {
                    for (int i = 0; i < 5; i++)
                    {
                        await rig.WriteAsync(pool, new BlockPlace(0, (10 * writer) + i), 0x70);
                        Assert.Equal(IoStatus.Ok, await pool.FlushAsync());
                        acknowledged |= 1 << ((8 * writer) + i);
                    }
                }
            });
            for (int bit = 8; bit < 24; bit++)
            {
                if ((acknowledged & (1 << bit)) == 0) continue;
                BlockPlace place = new(0, (10 * (bit / 8)) + (bit % 8));
                Assert.Equal(0x70, rig.DiskAt(0).Peek(VdevRig.OffsetOf(place))[0]);
                Assert.Equal(0x70, rig.DiskAt(1).Peek(VdevRig.OffsetOf(place))[0]);
            }
        }
    }

    [Fact]
    public void A_plain_device_that_failed_a_flush_never_claims_durability_again()
    {
        using VdevRig rig = new(2, 1);
        rig.Run(async () =>
        {
            PoolDevices pool = await rig.CreateAsync(VdevRig.Disk(0));
            await rig.WriteAsync(pool, new BlockPlace(0, 7), 1);
            rig.DiskAt(0).Faults.FlushError = 1;
            Assert.Equal(IoStatus.DeviceError, await pool.FlushAsync());
            rig.DiskAt(0).Faults.Clear();
            Assert.Equal(IoStatus.DeviceError, await pool.FlushAsync());
        });
    }

    [Fact]
    public void The_first_flush_after_opening_reaches_the_disk_though_nothing_was_written()
    {
        using VdevRig rig = new(3, 1);
        rig.Run(async () =>
        {
            PoolDevices pool = await rig.CreateAsync(VdevRig.Disk(0));
            await rig.WriteAsync(pool, new BlockPlace(0, 7), 0x11);
        });
        rig.Node.Kill();
        rig.Restart(CrashMode.Random);
        rig.Run(async () =>
        {
            PoolDevices pool = await rig.OpenAsync();
            Assert.Equal((IoStatus.Ok, 0x11), await rig.ReadAsync(pool, new BlockPlace(0, 7)));
            Assert.Equal(IoStatus.Ok, await pool.FlushAsync());
        });
        rig.Restart(CrashMode.DropUnflushed);
        Assert.Equal(0x11, rig.DiskAt(0).Peek(VdevRig.OffsetOf(new BlockPlace(0, 7)))[0]);
    }

    [Fact]
    public void Places_outside_the_pool_are_out_of_range()
    {
        using VdevRig rig = new(4, 1);
        rig.Run(async () =>
        {
            PoolDevices pool = await rig.CreateAsync(VdevRig.Disk(0));
            long end = pool.SectorCount(0);
            Assert.Equal(IoStatus.Ok, await rig.WriteAsync(pool, new BlockPlace(0, end - 1), 1));
            Assert.Equal(
                IoStatus.OutOfRange, await rig.WriteAsync(pool, new BlockPlace(0, end - 1), 1, sectors: 2));
            Assert.Equal(IoStatus.OutOfRange, await rig.WriteAsync(pool, new BlockPlace(0, end), 1));
            Assert.Equal(IoStatus.OutOfRange, (await rig.ReadAsync(pool, new BlockPlace(1, 5))).Status);
            Assert.Equal(IoStatus.OutOfRange, await pool.DiscardAsync(new BlockPlace(0, 1), (int)end));
        });
    }

    [Fact]
    public void The_last_sector_of_the_data_area_does_not_touch_a_label()
    {
        using VdevRig rig = new(5, 1, (64L << 20) + 8192);
        rig.Run(async () =>
        {
            PoolDevices pool = await rig.CreateAsync(VdevRig.Disk(0));
            await rig.WriteAsync(pool, new BlockPlace(0, 0), 0xFF);
            await rig.WriteAsync(pool, new BlockPlace(0, pool.SectorCount(0) - 1), 0xFF);
            await pool.FlushAsync();
            await pool.CloseAsync();
            Assert.Equal(4, (await rig.FindAsync()).Devices[0].Device!.WholeLabels);
        });
    }

    [Fact]
    public void The_newest_durable_root_is_found_after_a_crash_at_any_write()
    {
        for (long boundary = 0; boundary < 60; boundary++)
        {
            using VdevRig rig = new((ulong)boundary, 3);
            (PoolDevices pool, long start) = rig.Run(async () =>
                (await rig.CreateAsync(VdevRig.Mirror(0, 1), VdevRig.Disk(2)), rig.Node.WriteBoundaryCount));
            rig.Node.CrashAtWrite(start + boundary, isMidway: boundary % 2 == 0, CrashMode.Random);
            ulong durable = 1;
            ulong newest = 1;
            rig.Run(async () =>
            {
                for (ulong number = 2; number < 6; number++)
                {
                    newest = number;
                    Assert.Equal(IoStatus.Ok, await rig.WriteRootAsync(pool, number));
                    Assert.Equal(IoStatus.Ok, await pool.FlushAsync());
                    durable = number;
                }
            });
            rig.Restart(CrashMode.Random);
            rig.Pull((int)(boundary % 2));
            rig.Run(async () =>
            {
                UberblockScan scan = await (await rig.OpenAsync()).ReadUberblocksAsync();
                Assert.InRange(scan.Roots[0].Root.Number, durable, newest);
                Assert.Contains(scan.Roots, found => found.Root.Number == durable);
            });
        }
    }

    [Fact]
    public void A_root_that_a_child_did_not_take_puts_that_child_out()
    {
        using VdevRig rig = new(6, 2);
        rig.Run(async () =>
        {
            PoolDevices pool = await rig.CreateAsync(VdevRig.Mirror(0, 1));
            rig.DiskAt(0).Faults.WriteError = 1;
            Assert.Equal(IoStatus.Ok, await rig.WriteRootAsync(pool, 2));
            rig.DiskAt(0).Faults.Clear();
            Assert.Equal(IoStatus.Ok, await pool.FlushAsync());
            await pool.CloseAsync();
            PoolDevices opened = await rig.OpenAsync();
            UberblockScan scan = await opened.ReadUberblocksAsync();
            Assert.Equal((2UL, 4, 4),
                (scan.Roots[0].Root.Number, scan.Roots[0].WholeCopies, scan.Roots[0].ExpectedCopies));
            Assert.True(opened.IsDegraded);
        });
    }

    [Fact]
    public void A_root_that_no_vdev_took_whole_is_reported()
    {
        using VdevRig rig = new(7, 2);
        rig.Run(async () =>
        {
            PoolDevices pool = await rig.CreateAsync(VdevRig.Disk(0), VdevRig.Disk(1));
            rig.DiskAt(0).Faults.WriteError = 1;
            Assert.Equal(IoStatus.Ok, await rig.WriteRootAsync(pool, 2));
            rig.DiskAt(1).Faults.WriteError = 1;
            Assert.Equal(IoStatus.DeviceError, await rig.WriteRootAsync(pool, 3));
        });
    }

    [Fact]
    public void A_damaged_or_misplaced_root_is_named_and_another_copy_used()
    {
        using VdevRig rig = new(8, 1);
        rig.Run(async () =>
        {
            PoolDevices pool = await rig.CreateAsync(VdevRig.Disk(0));
            await rig.WriteRootAsync(pool, 2);
            await pool.FlushAsync();
            long ring = Layout.UberblockRingOffset;
            byte[] root = rig.DiskAt(0).Peek(ring + (2 * 4096));
            rig.DiskAt(0).Poke(ring + (9 * 4096), root);
            root[300] ^= 1;
            rig.DiskAt(0).Poke(ring + (2 * 4096), root);

            UberblockScan scan = await pool.ReadUberblocksAsync();
            Assert.Equal((2UL, 3), (scan.Roots[0].Root.Number, scan.Roots[0].WholeCopies));
            Assert.Equal(
                ["/dev/sda label 0 slot 2: checksum mismatch", "/dev/sda label 0 slot 9: holds root 2"],
                    scan.Damaged);
            Assert.Equal(["/dev/sda label 0"], scan.NewestMissing);
        });
    }

    [Fact]
    public void Export_succeeds_while_a_mirrors_child_is_dead_and_marks_it()
    {
        using VdevRig rig = new(9, 2);
        rig.Run(async () =>
        {
            PoolDevices pool = await rig.CreateAsync(VdevRig.Mirror(0, 1));
            rig.DiskAt(1).Faults.IsDead = true;
            Assert.Equal(IoStatus.Ok, await pool.WriteLabelsAsync(PoolState.Exported));
            await pool.CloseAsync();
            rig.DiskAt(1).Faults.Clear();
            ImportCandidate found = await rig.FindAsync();
            Assert.Equal(PoolState.Exported, found.State);
            Assert.False(found.Devices[1].Config.IsCurrent);
        });
    }

    [Fact]
    public void Labels_written_by_several_at_once_end_with_the_last_state_and_no_generation_twice()
    {
        using VdevRig rig = new(10, 1);
        rig.Run(async () =>
        {
            PoolDevices pool = await rig.CreateAsync(VdevRig.Disk(0));
            ulong before = pool.Generation;
            ValueTask<IoStatus> first = pool.WriteLabelsAsync(PoolState.Active);
            ValueTask<IoStatus> second = pool.WriteLabelsAsync(PoolState.Exported);
            Assert.Equal((IoStatus.Ok, IoStatus.Ok), (await first, await second));
            await pool.CloseAsync();
            ImportCandidate found = await rig.FindAsync();
            Assert.Equal(PoolState.Exported, found.State);
            Assert.InRange(found.Label.Generation, before + 1, before + 2);
        });
    }

    [Fact]
    public void No_buffer_leaks()
    {
        using VdevRig rig = new(11, 3);
        rig.Run(async () =>
        {
            PoolDevices pool = await rig.CreateAsync(VdevRig.Mirror(0, 1), VdevRig.Disk(2));
            await rig.WriteAsync(pool, new BlockPlace(0, 4), 1);
            await rig.ReadAsync(pool, new BlockPlace(0, 4));
            await pool.ReadUberblocksAsync();
            await pool.WriteLabelsAsync(PoolState.Exported);
            await pool.CloseAsync();
            await rig.OpenAsync();
            Assert.Equal(0, rig.Loop.Buffers.RentedCount);
        });
    }
}
