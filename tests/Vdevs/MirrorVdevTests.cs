using Cstor.Engine.Host;
using Cstor.Engine.Pools;
using Cstor.Engine.Vdevs;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Labels;
using Cstor.Tests.Simulation;
using Xunit;

namespace Cstor.Tests.Vdevs;

public sealed class MirrorVdevTests
{
    private static readonly BlockPlace Place = new(0, 100);

    [Fact]
    public void A_read_falls_back_to_the_other_child_and_the_error_is_counted()
    {
        using VdevRig rig = new(1, 2);
        rig.Run(async () =>
        {
            PoolDevices pool = await rig.CreateAsync(VdevRig.Mirror(0, 1));
            await rig.WriteAsync(pool, Place, 0x31);
            foreach (int bad in new[] { 0, 1 })
            {
                rig.DiskAt(bad).Faults.ReadError = 1;
                for (int i = 0; i < 8; i++)
                    Assert.Equal((IoStatus.Ok, 0x31), await rig.ReadAsync(pool, Place));
                rig.DiskAt(bad).Faults.Clear();
            }

            VdevStatus mirror = Assert.Single(pool.Status());
            Assert.Equal("online", mirror.State);
            Assert.True(mirror.ReadErrors > 0);
            rig.DiskAt(0).Faults.ReadError = rig.DiskAt(1).Faults.ReadError = 1;
            Assert.Equal(IoStatus.DeviceError, (await rig.ReadAsync(pool, Place)).Status);
        });
    }

    [Fact]
    public void Each_copy_can_be_read_and_repaired_by_itself()
    {
        using VdevRig rig = new(2, 3);
        rig.Run(async () =>
        {
            PoolDevices pool = await rig.CreateAsync(VdevRig.Mirror(0, 1, 2));
            await rig.WriteAsync(pool, Place, 0x42);
            await pool.FlushAsync();
            byte[] rotten = new byte[Layout.SectorBytes];
            rig.DiskAt(1).Poke(VdevRig.OffsetOf(Place), rotten);

            Assert.Equal((IoStatus.Ok, 0x42), await rig.ReadCopyAsync(pool, Place, 0));
            Assert.Equal((IoStatus.Ok, 0), await rig.ReadCopyAsync(pool, Place, 1));
            Examination seen = await rig.ExamineAsync(pool, Place, 0x42, ExamineMode.Verify);
            Assert.Equal(new Examination(IoStatus.Ok, 1, 0, VdevRig.PathOf(1)), seen);
            Assert.Equal((IoStatus.Ok, 0), await rig.ReadCopyAsync(pool, Place, 1));
            Examination mended = await rig.ExamineAsync(pool, Place, 0x42, ExamineMode.Repair);
            Assert.Equal(new Examination(IoStatus.Ok, 1, 1, VdevRig.PathOf(1)), mended);
            Assert.Equal((IoStatus.Ok, 0x42), await rig.ReadCopyAsync(pool, Place, 1));
            Assert.Equal([0L, 2, 0], pool.Status()[0].Children.Select(child => child.ChecksumErrors));
        });
    }

    [Fact]
    public void A_failed_repair_does_not_cost_the_child_its_place()
    {
        using VdevRig rig = new(3, 2);
        rig.Run(async () =>
        {
            PoolDevices pool = await rig.CreateAsync(VdevRig.Mirror(0, 1));
            await rig.WriteAsync(pool, Place, 0x42);
            rig.DiskAt(1).Poke(VdevRig.OffsetOf(Place), new byte[Layout.SectorBytes]);
            rig.DiskAt(1).Faults.WriteError = 1;
            Examination found = await rig.ExamineAsync(pool, Place, 0x42, ExamineMode.Repair);
            Assert.Equal((IoStatus.Ok, 1, 0), (found.Status, found.BadParts, found.RepairedParts));
            Assert.False(pool.IsDegraded);
            Assert.Equal(1, pool.Status()[0].WriteErrors);
        });
    }

    [Fact]
    public void A_child_that_fails_a_write_is_out_at_once_and_durably_so_before_the_next_flush_answers()
    {
        using VdevRig rig = new(4, 2);
        rig.Run(async () =>
        {
            PoolDevices pool = await rig.CreateAsync(VdevRig.Mirror(0, 1));
            pool.Epoch = 5;
            rig.DiskAt(1).Faults.WriteError = 1;
            Assert.Equal(IoStatus.Ok, await rig.WriteAsync(pool, Place, 0x66));
            rig.DiskAt(1).Faults.Clear();
            Assert.Equal("faulted", pool.Status()[0].Children[1].State);
            for (int i = 0; i < 8; i++) Assert.Equal((IoStatus.Ok, 0x66), await rig.ReadAsync(pool, Place));
            Assert.Equal(IoStatus.DeviceGone, (await rig.ReadCopyAsync(pool, Place, 1)).Status);
            Assert.Equal(IoStatus.Ok, await pool.FlushAsync());
        });
        rig.Restart(CrashMode.DropUnflushed);
        rig.Run(async () =>
        {
            ImportCandidate found = await rig.FindAsync();
            VdevConfig failed = found.Devices[1].Config;
            Assert.Equal((VdevState.Faulted, 5UL), (failed.State, failed.MissingFrom));
            PoolDevices pool = await rig.OpenAsync();
            for (int i = 0; i < 8; i++) Assert.Equal((IoStatus.Ok, 0x66), await rig.ReadAsync(pool, Place));
        });
    }

    [Fact]
    public void What_a_flush_acknowledged_is_read_after_a_crash_anywhere_whatever_child_failed()
    {
        int acknowledgedRuns = 0;
        for (long boundary = 0; boundary < 40; boundary++)
        {
            for (int failing = 0; failing < 2; failing++)
            {
                using VdevRig rig = new((ulong)boundary, 2);
                (PoolDevices pool, long start) = rig.Run(async () =>
                    (await rig.CreateAsync(VdevRig.Mirror(0, 1)), rig.Node.WriteBoundaryCount));
                rig.Node.CrashAtWrite(start + boundary, isMidway: boundary % 3 == 0, CrashMode.Random);
                byte acknowledged = 0;
                rig.Run(async () =>
                {
                    for (byte version = 1; version < 6; version++)
                    {
                        if (version == 3) rig.DiskAt(failing).Faults.WriteError = 1;
                        Assert.Equal(IoStatus.Ok, await rig.WriteAsync(pool, Place, version));
                        Assert.Equal(IoStatus.Ok, await pool.FlushAsync());
                        acknowledged = version;
                    }
                });
                rig.DiskAt(failing).Faults.Clear();
                rig.Restart(CrashMode.Random);
                rig.Run(async () =>
                {
                    PoolDevices opened = await rig.OpenAsync();
                    for (int copy = 0; copy < 2; copy++)
                    {
                        (IoStatus status, int content) = await rig.ReadCopyAsync(opened, Place, copy);
                        if (status == IoStatus.Ok) Assert.InRange(content, acknowledged, 5);
                    }

                    Assert.Equal(IoStatus.Ok, (await rig.ReadAsync(opened, Place)).Status);
                });
                if (acknowledged >= 3) acknowledgedRuns++;
            }
        }

        Assert.NotEqual(0, acknowledgedRuns);
    }

    [Fact]
    public void When_every_child_fails_the_write_fails_and_none_is_put_out()
    {
        using VdevRig rig = new(5, 2);
        rig.Run(async () =>
        {
            PoolDevices pool = await rig.CreateAsync(VdevRig.Mirror(0, 1));
            rig.DiskAt(0).Faults.WriteError = rig.DiskAt(1).Faults.WriteError = 1;
            Assert.Equal(IoStatus.DeviceError, await rig.WriteAsync(pool, Place, 0x66));
            Assert.False(pool.IsDegraded);
        });
    }

    [Fact]
    public void The_last_child_in_use_is_never_put_out()
    {
        using VdevRig rig = new(6, 2);
        rig.Run(async () =>
        {
            PoolDevices pool = await rig.CreateAsync(VdevRig.Mirror(0, 1));
            rig.DiskAt(1).Faults.IsDead = true;
            Assert.Equal(IoStatus.Ok, await rig.WriteAsync(pool, Place, 1));
            Assert.Equal(["online", "faulted"], pool.Status()[0].Children.Select(child => child.State));
            rig.DiskAt(0).Faults.WriteError = 1;
            Assert.Equal(IoStatus.DeviceError, await rig.WriteAsync(pool, Place, 2));
            rig.DiskAt(0).Faults.Clear();
            Assert.Equal(IoStatus.Ok, await rig.WriteAsync(pool, Place, 3));
            Assert.Equal((IoStatus.Ok, 3), await rig.ReadAsync(pool, Place));
        });
    }

    [Fact]
    public void Two_writes_that_fail_on_different_children_at_once_do_not_leave_a_mirror_without_both()
    {
        for (ulong seed = 0; seed < 40; seed++)
        {
            using VdevRig rig = new(seed, 2);
            rig.Run(async () =>
            {
                PoolDevices pool = await rig.CreateAsync(VdevRig.Mirror(0, 1));
                BlockPlace other = new(0, 200);
                rig.DiskAt(0).Faults.Script = request => FailAt(request, Place);
                rig.DiskAt(1).Faults.Script = request => FailAt(request, other);
                ValueTask<IoStatus> first = rig.WriteAsync(pool, Place, 1);
                ValueTask<IoStatus> second = rig.WriteAsync(pool, other, 2);
                IoStatus[] statuses = [await first, await second];
                rig.DiskAt(0).Faults.Clear();
                rig.DiskAt(1).Faults.Clear();

                Assert.Single(statuses, IoStatus.Ok);
                (BlockPlace good, byte content) =
                    statuses[0] == IoStatus.Ok ? (Place, (byte)1) : (other, (byte)2);
                for (int i = 0; i < 4; i++)
                    Assert.Equal((IoStatus.Ok, content), await rig.ReadAsync(pool, good));
            });
        }

        static DiskFault? FailAt(DiskRequest request, BlockPlace place) =>
            request.Kind == DiskRequestKind.Write && request.OffsetBytes == VdevRig.OffsetOf(place)
                ? DiskFault.Error : DiskFault.None;
    }

    [Fact]
    public void A_child_that_fails_a_flush_is_put_out_and_the_labels_say_so()
    {
        using VdevRig rig = new(7, 2);
        rig.Run(async () =>
        {
            PoolDevices pool = await rig.CreateAsync(VdevRig.Mirror(0, 1));
            await rig.WriteAsync(pool, Place, 1);
            rig.DiskAt(0).Faults.FlushError = 1;
            Assert.Equal(IoStatus.Ok, await pool.FlushAsync());
            Assert.Equal("faulted", pool.Status()[0].Children[0].State);
            rig.DiskAt(0).Faults.Clear();
            await pool.CloseAsync();
            Assert.Equal(VdevState.Faulted, (await rig.FindAsync()).Devices[0].Config.State);
        });
    }

    [Fact]
    public void Reads_are_spread_over_children_and_a_sequential_reader_stays_on_one()
    {
        using VdevRig rig = new(8, 2);
        rig.Run(async () =>
        {
            PoolDevices pool = await rig.CreateAsync(VdevRig.Mirror(0, 1));
            long[] before = [Reads(0), Reads(1)];
            List<Task<(IoStatus, int)>> reads = [];
            for (int i = 0; i < 10; i++)
                reads.Add(rig.ReadAsync(pool, new BlockPlace(0, 1000 * (i + 1))).AsTask());
            foreach (Task<(IoStatus, int)> read in reads) await read;
            Assert.Equal([5, 5], [Reads(0) - before[0], Reads(1) - before[1]]);

            before = [Reads(0), Reads(1)];
            for (int i = 0; i < 10; i++) await rig.ReadAsync(pool, new BlockPlace(0, 500 + i));
            Assert.Equal([0, 10], new[] { Reads(0) - before[0], Reads(1) - before[1] }.Order());
        });

        long Reads(int disk) => rig.DiskAt(disk).Requests(DiskRequestKind.Read);
    }

    [Fact]
    public void Scattered_memory_is_written_and_read_as_one_extent()
    {
        using VdevRig rig = new(9, 2);
        rig.Run(async () =>
        {
            PoolDevices pool = await rig.CreateAsync(VdevRig.Mirror(0, 1));
            IoBuffer one = rig.Loop.Buffers.Rent(4096);
            IoBuffer two = rig.Loop.Buffers.Rent(8192);
            one.Span.Fill(1);
            two.Span.Fill(2);
            IoSlice[] slices = [two.First(8192), one.First(4096)];
            Assert.Equal(IoStatus.Ok, await pool.WriteAsync(Place, slices));
            Assert.Equal([2, 2, 1], Contents(0));
            Assert.Equal([2, 2, 1], Contents(1));
            one.Span.Clear();
            two.Span.Clear();
            rig.DiskAt(0).Faults.ReadError = 1;
            Assert.Equal(IoStatus.Ok, await pool.ReadAsync(Place, slices));
            Assert.Equal((1, 2), (one.Span[4095], two.Span[8191]));
            one.Release();
            two.Release();
        });

        int[] Contents(int disk) =>
            [.. Enumerable.Range(0, 3)
                .Select(i => (int)rig.DiskAt(disk).Peek(VdevRig.OffsetOf(Place) + (i * 4096))[0])];
    }

    [Fact]
    public void Discard_reaches_every_child_that_cares_and_hurts_no_membership()
    {
        using VdevRig rig = new(10, 2);
        rig.DiskAt(0).SupportsDiscard = false;
        rig.Run(async () =>
        {
            PoolDevices pool = await rig.CreateAsync(VdevRig.Mirror(0, 1));
            Assert.Equal(IoStatus.Ok, await pool.DiscardAsync(Place, 16));
            Assert.Equal(1, rig.DiskAt(1).Requests(DiskRequestKind.Discard));
            rig.DiskAt(1).SupportsDiscard = false;
            Assert.Equal(IoStatus.NotSupported, await pool.DiscardAsync(Place, 16));
            Assert.False(pool.IsDegraded);
        });
    }

    [Fact]
    public void A_device_that_left_during_a_write_stands_for_nothing_when_the_last_one_fails_it()
    {
        using VdevRig rig = new(20, 2);
        rig.Run(async () =>
        {
            PoolDevices pool = await rig.CreateAsync(VdevRig.Mirror(0, 1));
            Vdev vdev = pool.Tree.Vdevs[0];
            rig.DiskAt(0).Faults.WriteError = 1;
            ValueTask<IoStatus> write = rig.WriteAsync(pool, Place, 0x11);
            vdev.Rearrange(VdevKind.Disk, vdev.Guid, [vdev.Slots[0]]);
            Assert.Equal(IoStatus.DeviceError, await write);
            Assert.True(vdev.Devices[0].IsCurrent);
        });
    }

    [Fact]
    public void Nothing_is_called_lost_while_the_device_that_has_it_hangs()
    {
        using VdevRig rig = new(21, 2);
        rig.Run(async () =>
        {
            PoolDevices pool = await rig.CreateAsync(VdevRig.Mirror(0, 1));
            pool.Epoch = 3;
            rig.DiskAt(1).Faults.WriteError = 1;
            Assert.Equal(IoStatus.Ok, await rig.WriteAsync(pool, Place, 0x22));
            rig.DiskAt(1).Faults.Clear();
            rig.DiskAt(1).Poke(VdevRig.OffsetOf(Place), new byte[Layout.SectorBytes]);
            pool.Tree.Vdevs[0].Devices[1].BringBack(null);
            rig.DiskAt(0).Hang();
            for (int i = 0; i < 2; i++)
            {
                Examination found = await rig.ExamineAsync(pool, Place, 0x22, ExamineMode.Repair);
                Assert.Equal(IoStatus.DeviceTimeout, found.Status);
            }

            rig.DiskAt(0).EndHang();
        });
    }
}
