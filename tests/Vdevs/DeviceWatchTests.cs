using Cstor.Engine.Host;
using Cstor.Engine.Vdevs;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Labels;
using Cstor.Tests.Simulation;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Cstor.Tests.Vdevs;

public sealed class DeviceWatchTests
{
    private const long Second = 1_000_000_000;

    [Theory]
    [InlineData(DiskRequestKind.Read, 10)]
    [InlineData(DiskRequestKind.Write, 10)]
    [InlineData(DiskRequestKind.Flush, 30)]
    [InlineData(DiskRequestKind.Discard, 30)]
    public void A_request_that_hangs_is_answered_at_its_deadline(DiskRequestKind kind, int seconds)
    {
        using VdevRig rig = new(1, 1);
        rig.Run(async () =>
        {
            (PoolDevice device, _) = await OpenAsync(rig);
            rig.DiskAt(0).Hang();
            long start = rig.Loop.NowNanoseconds;
            Assert.Equal(IoStatus.DeviceTimeout, await AskAsync(rig, device, kind));
            Assert.InRange(rig.Loop.NowNanoseconds - start, seconds * Second, (seconds + 1) * Second);
            Assert.Equal((true, 1L, 0), (device.IsHung, device.HangCount, device.InFlight));
        });
    }

    [Fact]
    public void All_requests_of_a_device_that_hangs_end_together_and_later_ones_at_once()
    {
        using VdevRig rig = new(2, 1);
        rig.Run(async () =>
        {
            (PoolDevice device, _) = await OpenAsync(rig);
            rig.DiskAt(0).Hang();
            Task<IoStatus> first = AskAsync(rig, device, DiskRequestKind.Write).AsTask();
            await rig.Loop.DelayAsync(9 * Second);
            Task<IoStatus> second = AskAsync(rig, device, DiskRequestKind.Read).AsTask();
            Task<IoStatus> flush = device.FlushAsync().AsTask();
            long start = rig.Loop.NowNanoseconds;
            Assert.All([await first, await second, await flush],
                status => Assert.Equal(IoStatus.DeviceTimeout, status));
            long now = rig.Loop.NowNanoseconds;
            Assert.True(now - start < 3 * Second);
            long received = Received(rig);
            foreach (DiskRequestKind kind in Enum.GetValues<DiskRequestKind>())
                Assert.Equal(IoStatus.DeviceTimeout, await AskAsync(rig, device, kind));
            Assert.Equal((now, received), (rig.Loop.NowNanoseconds, Received(rig)));
            Assert.Equal((1L, 2L), (device.ReadErrors, device.WriteErrors));
        });
    }

    [Fact]
    public void A_device_answers_again_when_the_last_stuck_request_has_ended()
    {
        using VdevRig rig = new(3, 1);
        rig.Run(async () =>
        {
            (PoolDevice device, DeviceWatch watch) = await OpenAsync(rig);
            List<bool> told = [];
            watch.Hangs = it => told.Add(it.IsHung);
            watch.Answers = it => told.Add(it.IsHung);
            rig.DiskAt(0).Hang();
            Assert.Equal(IoStatus.DeviceTimeout, await AskAsync(rig, device, DiskRequestKind.Write));
            rig.DiskAt(0).EndHang();
            await rig.Loop.DelayAsync(Second);
            Assert.Equal([true, false], told);
            Assert.False(device.IsHung);
            foreach (DiskRequestKind kind in Enum.GetValues<DiskRequestKind>())
                Assert.Equal(IoStatus.Ok, await AskAsync(rig, device, kind));
        });
    }

    [Fact]
    public void A_flush_that_ended_late_but_well_heals_and_one_that_failed_late_does_not()
    {
        foreach (bool fails in (bool[])[false, true])
        {
            using VdevRig rig = new(4, 1);
            rig.Run(async () =>
            {
                (PoolDevice device, _) = await OpenAsync(rig);
                rig.DiskAt(0).Hang();
                if (fails) rig.DiskAt(0).Faults.FlushError = 1;
                Assert.Equal(IoStatus.DeviceTimeout, await device.FlushAsync());
                rig.DiskAt(0).Faults.Clear();
                rig.DiskAt(0).EndHang();
                await rig.Loop.DelayAsync(Second);
                Assert.Equal(fails ? IoStatus.DeviceError : IoStatus.Ok, await device.FlushAsync());
                Assert.Equal(1, rig.DiskAt(0).Requests(DiskRequestKind.Flush));
            });
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Memory_of_a_stuck_read_is_not_given_out_again_until_it_has_ended(bool isOfThePool)
    {
        using VdevRig rig = new(5, 1);
        // The planted fault: nobody keeps memory that is not of the loop's pool, and it is ruined.
        using BufferPool foreign = new(1L << 20);
        rig.Run(async () =>
        {
            (PoolDevice device, _) = await OpenAsync(rig);
            BufferPool pool = isOfThePool ? rig.Loop.Buffers : foreign;
            long rented = pool.RentedCount;
            IoBuffer lost = pool.Rent(Layout.SectorBytes);
            rig.DiskAt(0).Hang();
            IoSlice[] parts = [lost.First(Layout.SectorBytes)];
            Assert.Equal(IoStatus.DeviceTimeout, await device.ReadAsync(Layout.DataStartBytes, parts));
            lost.Release();
            IoBuffer[] others = [.. Enumerable.Range(0, 128).Select(_ => pool.Rent(Layout.SectorBytes))];
            foreach (IoBuffer other in others) other.Span.Fill(0x77);
            rig.DiskAt(0).EndHang();
            await rig.Loop.DelayAsync(Second);
            bool isWhole = Array.TrueForAll(others, other => !other.Span.ContainsAnyExcept((byte)0x77));
            Assert.Equal(isOfThePool, isWhole);
            foreach (IoBuffer other in others) other.Release();
            Assert.Equal((rented, 0L), (pool.RentedCount, pool.StuckBytes));
        });
    }

    [Fact]
    public void Memory_of_a_stuck_write_is_not_changed_by_anybody_else()
    {
        using VdevRig rig = new(6, 1);
        rig.Run(async () =>
        {
            (PoolDevice device, _) = await OpenAsync(rig);
            rig.DiskAt(0).Hang();
            Assert.Equal(IoStatus.DeviceTimeout, await AskAsync(rig, device, DiskRequestKind.Write));
            for (int i = 0; i < 128; i++) rig.Loop.Buffers.Rent(Layout.SectorBytes).Span.Fill(0x77);
            // The disk checks that what it was given is what it still finds.
            rig.DiskAt(0).EndHang();
            await rig.Loop.DelayAsync(Second);
            Assert.False(device.IsHung);
        });
    }

    [Fact]
    public void Closing_lets_go_of_a_device_that_hangs_and_it_stays_locked_until_it_has_ended()
    {
        using VdevRig rig = new(7, 1);
        rig.Run(async () =>
        {
            (PoolDevice device, _) = await OpenAsync(rig);
            rig.DiskAt(0).Hang();
            Assert.Equal(IoStatus.DeviceTimeout, await AskAsync(rig, device, DiskRequestKind.Write));
            long start = rig.Loop.NowNanoseconds;
            await device.CloseAsync();
            Assert.Equal(start, rig.Loop.NowNanoseconds);
            Outcome<IDisk> held = await rig.Loop.Disks.OpenAsync(VdevRig.PathOf(0), DiskAccess.ReadWrite);
            Assert.Contains("hang", held.Fault!.Message, StringComparison.Ordinal);
            rig.DiskAt(0).EndHang();
            await rig.Loop.DelayAsync(Second);
            Outcome<IDisk> free = await rig.Loop.Disks.OpenAsync(VdevRig.PathOf(0), DiskAccess.ReadWrite);
            Assert.True(free.IsOk);
        });
    }

    [Fact]
    public void Closing_ends_although_requests_begin_to_hang_under_it()
    {
        using VdevRig rig = new(8, 1);
        rig.Run(async () =>
        {
            (PoolDevice device, DeviceWatch watch) = await OpenAsync(rig);
            rig.DiskAt(0).Hang();
            Task<IoStatus> flush = device.FlushAsync().AsTask();
            watch.Hurry();
            long start = rig.Loop.NowNanoseconds;
            await device.CloseAsync();
            Assert.Equal(IoStatus.DeviceTimeout, await flush);
            Assert.InRange(rig.Loop.NowNanoseconds - start, 10 * Second, 11 * Second);
        });
    }

    [Fact]
    public void An_idle_device_wakes_nobody()
    {
        using SimulatedMachine machine = new(9);
        SimulatedNode node = machine.AddNode("node");
        node.Disks.Add("/dev/sda", 64L << 20);
        SimulatedLoop loop = node.CreateLoop();
        machine.Run(loop, async () =>
        {
            PoolDevice device = await OpenAsync(loop, "/dev/sda");
            _ = new DeviceWatch(loop, NullLogger.Instance, "tank", () => [[device]]);
            Assert.Equal(IoStatus.Ok, await device.FlushAsync());
        });
        machine.RunFor(Second);
        long events = machine.EventCount;
        machine.RunFor(3600 * Second);
        Assert.InRange(machine.EventCount - events, 0, 2);
    }

    private static async ValueTask<(PoolDevice Device, DeviceWatch Watch)> OpenAsync(VdevRig rig)
    {
        PoolDevice device = await OpenAsync(rig.Loop, VdevRig.PathOf(0));
        return (device, new DeviceWatch(rig.Loop, NullLogger.Instance, "tank", () => [[device]]));
    }

    private static async ValueTask<PoolDevice> OpenAsync(SimulatedLoop loop, string path)
    {
        Outcome<IDisk> disk = await loop.Disks.OpenAsync(path, DiskAccess.ReadWrite);
        VdevConfig config = new()
        {
            Kind = VdevKind.Disk,
            Guid = new Guid(7, 0, 0, [0, 0, 0, 0, 0, 0, 0, 0]),
            Id = 0,
            SizeSectors = 16128,
            Path = path,
        };
        return new PoolDevice(config, disk.Value);
    }

    private static long Received(VdevRig rig) =>
        Enum.GetValues<DiskRequestKind>().Sum(kind => rig.DiskAt(0).Requests(kind));

    private static async ValueTask<IoStatus> AskAsync(VdevRig rig, PoolDevice device, DiskRequestKind kind)
    {
        IoBuffer buffer = rig.Loop.Buffers.Rent(Layout.SectorBytes);
        IoSlice slice = buffer.First(Layout.SectorBytes);
        IoStatus status = kind switch
        {
            DiskRequestKind.Read => await device.ReadAsync(Layout.DataStartBytes, slice),
            DiskRequestKind.Write => await device.WriteAsync(Layout.DataStartBytes, slice),
            DiskRequestKind.Flush => await device.FlushAsync(),
            _ => await device.DiscardAsync(Layout.DataStartBytes, Layout.SectorBytes),
        };
        buffer.Release();
        return status;
    }
}
