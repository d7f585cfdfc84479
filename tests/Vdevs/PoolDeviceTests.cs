using Cstor.Engine.Host;
using Cstor.Engine.Vdevs;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Labels;
using Cstor.Tests.Simulation;
using Xunit;

namespace Cstor.Tests.Vdevs;

public sealed class PoolDeviceTests
{
    private static readonly VdevConfig Config = new()
    {
        Kind = VdevKind.Disk,
        Guid = new Guid(7, 0, 0, [0, 0, 0, 0, 0, 0, 0, 0]),
        Id = 0,
        SizeSectors = 16128,
        Path = "/dev/old",
    };

    [Fact]
    public void The_first_flush_always_reaches_the_disk_and_the_next_only_after_a_write()
    {
        using VdevRig rig = new(1, 1);
        rig.Run(async () =>
        {
            PoolDevice device = await OpenAsync(rig);
            Assert.Equal(IoStatus.Ok, await device.FlushAsync());
            Assert.Equal(1, Flushes(rig));
            Assert.Equal(IoStatus.Ok, await device.FlushAsync());
            Assert.Equal(1, Flushes(rig));
            await WriteAsync(rig, device);
            Assert.Equal(IoStatus.Ok, await device.FlushAsync());
            Assert.Equal(2, Flushes(rig));
        });
    }

    [Fact]
    public void A_write_that_ended_after_a_flush_began_is_not_taken_for_covered()
    {
        for (ulong seed = 0; seed < 40; seed++)
        {
            using VdevRig rig = new(seed, 1);
            rig.Run(async () =>
            {
                PoolDevice device = await OpenAsync(rig);
                rig.DiskAt(0).Faults.SlowFactor = 50;
                Task<IoStatus> flush = device.FlushAsync().AsTask();
                rig.DiskAt(0).Faults.SlowFactor = 1;
                await WriteAsync(rig, device);
                await flush;
                await device.FlushAsync();
                Assert.Equal(2, Flushes(rig));
            });
        }
    }

    [Fact]
    public void A_failed_flush_is_not_healed_by_a_later_one()
    {
        using VdevRig rig = new(2, 1);
        rig.Run(async () =>
        {
            PoolDevice device = await OpenAsync(rig);
            rig.DiskAt(0).Faults.FlushError = 1;
            Assert.Equal(IoStatus.DeviceError, await device.FlushAsync());
            rig.DiskAt(0).Faults.Clear();
            Assert.Equal(IoStatus.DeviceError, await device.FlushAsync());
            Assert.Equal((0L, 1L, 0), (device.ReadErrors, device.WriteErrors, device.InFlight));
        });
    }

    [Fact]
    public void A_missing_device_answers_that_it_is_gone_and_keeps_the_labels_word()
    {
        using VdevRig rig = new(3, 1);
        rig.Run(async () =>
        {
            PoolDevice device = new(Config, null);
            Assert.Equal(IoStatus.DeviceGone, await WriteAsync(rig, device));
            Assert.Equal(IoStatus.DeviceGone, await device.FlushAsync());
            Assert.Equal(IoStatus.DeviceGone, await device.DiscardAsync(Layout.DataStartBytes, 4096));
            Assert.Equal(("/dev/old", false, 0), (device.Path, device.IsCurrent, device.InFlight));
            await device.CloseAsync();
        });
    }

    [Fact]
    public void What_a_device_misses_begins_at_the_first_epoch_it_was_out()
    {
        PoolDevice device = new(Config, null);
        device.Exclude(VdevState.Faulted, 9);
        device.Exclude(VdevState.Removed, 12);
        Assert.Equal((VdevState.Removed, 9UL), (device.Config.State, device.Config.MissingFrom));
    }

    private static async ValueTask<PoolDevice> OpenAsync(VdevRig rig)
    {
        Outcome<IDisk> disk = await rig.Loop.Disks.OpenAsync(VdevRig.PathOf(0), DiskAccess.ReadWrite);
        return new PoolDevice(Config, disk.Value);
    }

    private static long Flushes(VdevRig rig) => rig.DiskAt(0).Requests(DiskRequestKind.Flush);

    private static async ValueTask<IoStatus> WriteAsync(VdevRig rig, PoolDevice device)
    {
        IoBuffer buffer = rig.Loop.Buffers.Rent(Layout.SectorBytes);
        IoStatus status = await device.WriteAsync(Layout.DataStartBytes, buffer.First(Layout.SectorBytes));
        buffer.Release();
        return status;
    }
}
