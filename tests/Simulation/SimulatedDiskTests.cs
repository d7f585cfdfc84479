using Cstor.Engine.Host;
using Xunit;

namespace Cstor.Tests.Simulation;

public sealed class SimulatedDiskTests
{
    private const int Sector = 4096;

    [Fact]
    public void What_was_written_is_read_back_from_the_cache_and_after_a_flush()
    {
        using Rig rig = new(1);
        rig.Run(async disk =>
        {
            await rig.Write(disk, 3, 0x11);
            Assert.Equal(0x11, await rig.Read(disk, 3));
            Assert.Equal(1, rig.Disk.UnflushedSectors);
            await disk.FlushAsync();
            Assert.Equal(0x11, await rig.Read(disk, 3));
            Assert.Equal(0, rig.Disk.UnflushedSectors);
        });
    }

    [Fact]
    public void An_unflushed_write_is_kept_dropped_or_torn_by_a_crash_as_the_seed_wills()
    {
        Assert.Equal(["new", "old", "torn"], FatesOver(200, CrashMode.Random, isFlushed: false));
        Assert.Equal(["old"], FatesOver(20, CrashMode.DropUnflushed, isFlushed: false));
        Assert.Equal(["new"], FatesOver(20, CrashMode.KeepEverything, isFlushed: false));
    }

    [Theory]
    [InlineData(CrashMode.Random)]
    [InlineData(CrashMode.DropUnflushed)]
    [InlineData(CrashMode.TearUnflushed)]
    [InlineData(CrashMode.KeepPrefix)]
    public void A_flushed_write_survives_every_crash(CrashMode mode) =>
        Assert.Equal(["new"], FatesOver(50, mode, isFlushed: true));

    [Fact]
    public void A_write_under_way_at_the_crash_may_arrive_in_part()
    {
        HashSet<int> arrived = [];
        for (ulong seed = 0; seed < 100; seed++)
        {
            using Rig rig = new(seed);
            rig.Node.CrashAtWrite(0, isMidway: true, CrashMode.Random);
            RunEnd end = rig.Run(async disk => await rig.Write(disk, 0, 0x22, sectors: 4));
            Assert.Equal(RunEnd.NodeDied, end);
            arrived.Add(Enumerable.Range(0, 4).Count(i => rig.Disk.Peek(i * Sector)[0] == 0x22));
        }

        Assert.Equal([0, 1, 2, 3, 4], arrived.Order());
    }

    [Fact]
    public void A_crash_before_a_boundary_keeps_that_request_from_the_disk()
    {
        using Rig rig = new(2);
        rig.Node.CrashAtWrite(1, isMidway: false, CrashMode.KeepEverything);

        RunEnd end = rig.Run(async disk =>
        {
            await rig.Write(disk, 0, 0x33);
            await rig.Write(disk, 1, 0x44);
        });

        Assert.Equal(RunEnd.NodeDied, end);
        Assert.Equal((0x33, 0), (rig.Disk.Peek(0)[0], rig.Disk.Peek(Sector)[0]));
        Assert.Equal(0x33, rig.Restarted().Run(async loop => await rig.ReadAnew(loop, 0)));
    }

    [Fact]
    public void A_flush_does_not_cover_a_write_that_was_under_way_when_it_began()
    {
        int lost = 0;
        for (ulong seed = 0; seed < 100; seed++)
        {
            using Rig rig = new(seed);
            rig.Run(async disk =>
            {
                ValueTask<IoStatus> write = rig.Write(disk, 0, 0x55);
                ValueTask<IoStatus> flush = disk.FlushAsync();
                await write;
                await flush;
            });
            rig.Node.Crash(CrashMode.DropUnflushed);
            if (rig.Disk.Peek(0)[0] != 0x55) lost++;
        }

        Assert.InRange(lost, 1, 99);
    }

    [Fact]
    public void A_kill_loses_nothing_that_was_submitted()
    {
        for (ulong seed = 0; seed < 20; seed++)
        {
            using Rig rig = new(seed);
            RunEnd end = rig.Run(async disk =>
            {
                ValueTask<IoStatus> write = rig.Write(disk, 0, 0x66);
                rig.Node.Kill();
                await write;
            });

            Assert.Equal((RunEnd.NodeDied, 0x66), (end, rig.Disk.Peek(0)[0]));
        }
    }

    [Fact]
    public void Discarded_sectors_do_not_read_as_zeroes()
    {
        using Rig rig = new(3);
        bool isGarbage = false;
        rig.Run(async disk =>
        {
            await rig.Write(disk, 0, 0x77, sectors: 32);
            Assert.Equal(IoStatus.Ok, await disk.DiscardAsync(0, 32 * Sector));
            for (int i = 0; i < 32; i++)
                isGarbage |= rig.Disk.Peek(i * Sector).Any(b => b is not 0 and not 0x77);
        });

        Assert.True(isGarbage);
    }

    [Fact]
    public void A_lost_write_is_acknowledged_and_not_there()
    {
        using Rig rig = new(4);
        rig.Disk.Faults.LostWrite = 1;
        rig.Run(async disk =>
        {
            Assert.Equal(IoStatus.Ok, await rig.Write(disk, 0, 0x12));
            Assert.Equal(0, await rig.Read(disk, 0));
        });
    }

    [Fact]
    public void A_misdirected_write_is_elsewhere()
    {
        using Rig rig = new(5);
        rig.Disk.Faults.MisdirectedWrite = 1;
        rig.Run(async disk => Assert.Equal(IoStatus.Ok, await rig.Write(disk, 7, 0x13)));

        Assert.Equal(0, rig.Disk.Peek(7 * Sector)[0]);
        Assert.Equal(0x13, rig.Disk.Peek(Assert.Single(rig.Disk.WrittenOffsets()))[0]);
    }

    [Fact]
    public void An_ignored_flush_makes_nothing_durable()
    {
        using Rig rig = new(6);
        rig.Disk.Faults.IgnoredFlush = 1;
        rig.Run(async disk =>
        {
            await rig.Write(disk, 0, 0x14);
            Assert.Equal(IoStatus.Ok, await disk.FlushAsync());
        });
        rig.Node.Crash(CrashMode.DropUnflushed);

        Assert.Equal(0, rig.Disk.Peek(0)[0]);
    }

    [Fact]
    public void Rot_changes_what_is_read_and_stays()
    {
        using Rig rig = new(7);
        rig.Run(async disk =>
        {
            await rig.Write(disk, 0, 0x15);
            rig.Disk.Faults.Script = request => request.Kind == DiskRequestKind.Read ? DiskFault.Rot : null;
            await rig.Read(disk, 0);
        });

        Assert.Equal(1, rig.Disk.Peek(0).Sum(b => System.Numerics.BitOperations.PopCount((uint)(b ^ 0x15))));
    }

    [Fact]
    public void Errors_and_death_are_reported_as_such()
    {
        using Rig rig = new(8);
        rig.Run(async disk =>
        {
            rig.Disk.Faults.ReadError = rig.Disk.Faults.WriteError = rig.Disk.Faults.FlushError = 1;
            Assert.Equal(IoStatus.DeviceError, await rig.Write(disk, 0, 1));
            Assert.Equal(IoStatus.DeviceError, await disk.FlushAsync());
            IoSlice memory = rig.Loop.Buffers.Rent(Sector).First(Sector);
            Assert.Equal(IoStatus.DeviceError, await disk.ReadAsync(0, memory));
            rig.Disk.Faults.Clear();
            ValueTask<IoStatus> underWay = rig.Write(disk, 0, 1);
            rig.Disk.Faults.IsDead = true;
            Assert.Equal(IoStatus.DeviceGone, await underWay);
            Assert.Equal(IoStatus.DeviceGone, await disk.FlushAsync());
        });
    }

    [Fact]
    public void A_stalled_request_is_answered_late_or_never()
    {
        using Rig rig = new(9);
        rig.Run(async disk =>
        {
            rig.Disk.Faults.Stall = 1;
            rig.Disk.Faults.StallNanoseconds = 30_000_000_000;
            long before = rig.Loop.NowNanoseconds;
            Assert.Equal(IoStatus.Ok, await rig.Write(disk, 0, 1));
            Assert.True(rig.Loop.NowNanoseconds - before >= 30_000_000_000);
        });
        rig.Disk.Faults.StallNanoseconds = long.MaxValue;

        Assert.Throws<SimulationException>(() => rig.Run(async disk => await disk.FlushAsync()));
    }

    [Fact]
    public void Memory_changed_under_a_write_is_found()
    {
        using Rig rig = new(10);
        rig.Machine.AllowsFailedChecks = true;
        Assert.Throws<SimulationException>(() => rig.Run(async disk =>
        {
            IoBuffer buffer = rig.Loop.Buffers.Rent(Sector);
            ValueTask<IoStatus> write = disk.WriteAsync(0, buffer.First(Sector));
            buffer.Span[17] ^= 1;
            await write;
        }));
    }

    [Theory]
    [InlineData(512, 4096)]
    [InlineData(0, 512)]
    [InlineData(1 << 20, 4096)]
    [InlineData(-4096, 4096)]
    public void Unaligned_and_foreign_ranges_are_bugs(long offset, int length)
    {
        using Rig rig = new(11);
        rig.Machine.AllowsFailedChecks = true;

        Assert.Throws<SimulationException>(() => rig.Run(async disk =>
            await disk.WriteAsync(offset, rig.Loop.Buffers.Rent(8192).First(length))));
    }

    [Fact]
    public void A_disk_is_opened_for_writing_once()
    {
        using Rig rig = new(12);
        rig.Run(async disk =>
        {
            Outcome<IDisk> second = await rig.Loop.Disks.OpenAsync("/dev/sda", DiskAccess.ReadWrite);
            Assert.Equal("device-in-use", second.Fault!.Code);
            Assert.True((await rig.Loop.Disks.OpenAsync("/dev/sda", DiskAccess.ReadOnly)).IsOk);
            await disk.CloseAsync();
            Assert.Equal(IoStatus.DeviceGone, await disk.FlushAsync());
            Assert.True((await rig.Loop.Disks.OpenAsync("/dev/sda", DiskAccess.ReadWrite)).IsOk);
        });
    }

    [Fact]
    public void An_image_holds_what_a_crash_would_leave_while_the_disk_goes_on()
    {
        using Rig rig = new(13);
        DiskImage? image = null;
        rig.Run(async disk =>
        {
            await rig.Write(disk, 0, 0x21);
            await disk.FlushAsync();
            await rig.Write(disk, 0, 0x22);
            image = rig.Disk.ImageAfterCrash(CrashMode.DropUnflushed, 1);
            await rig.Write(disk, 0, 0x23);
        });
        SimulatedDisk copy = rig.Machine.AddNode("copy").Disks.Add(image!);

        Assert.Equal((0x21, 0x23), (copy.Peek(0)[0], rig.Disk.Peek(0)[0]));
    }

    private static SortedSet<string> FatesOver(int seeds, CrashMode mode, bool isFlushed)
    {
        SortedSet<string> fates = [];
        for (ulong seed = 0; seed < (ulong)seeds; seed++)
        {
            using Rig rig = new(seed);
            rig.Run(async disk =>
            {
                await rig.Write(disk, 0, 0x01);
                await disk.FlushAsync();
                await rig.Write(disk, 0, 0x02);
                if (isFlushed) await disk.FlushAsync();
            });
            rig.Node.Crash(mode);
            byte[] left = rig.Disk.Peek(0);
            fates.Add(left.All(b => b == 1) ? "old" : left.All(b => b == 2) ? "new" : "torn");
        }

        return fates;
    }

    private sealed class Rig : IDisposable
    {
        private IDisk? _disk;

        public Rig(ulong seed)
        {
            Machine = new SimulatedMachine(seed);
            Node = Machine.AddNode("a");
            Disk = Node.Disks.Add("/dev/sda", 1 << 20);
            Loop = Node.CreateLoop();
        }

        public SimulatedMachine Machine { get; }

        public SimulatedNode Node { get; }

        public SimulatedDisk Disk { get; }

        public SimulatedLoop Loop { get; private set; }

        public RunEnd Run(Func<IDisk, ValueTask> body) => Loop.Run(async () =>
        {
            _disk ??= (await Loop.Disks.OpenAsync("/dev/sda", DiskAccess.ReadWrite)).Value;
            await body(_disk);
        });

        public Restart Restarted() => new(Node.CreateLoop());

        public async ValueTask<IoStatus> Write(IDisk disk, int sector, byte value, int sectors = 1)
        {
            IoBuffer buffer = Loop.Buffers.Rent(sectors * Sector);
            buffer.Span.Fill(value);
            IoStatus status = await disk.WriteAsync(sector * Sector, buffer.First(sectors * Sector));
            buffer.Release();
            return status;
        }

        public ValueTask<int> Read(IDisk disk, int sector) => Read(Loop, disk, sector);

        public async ValueTask<int> ReadAnew(SimulatedLoop loop, int sector) =>
            await Read(loop, (await loop.Disks.OpenAsync("/dev/sda", DiskAccess.ReadWrite)).Value, sector);

        public void Dispose() => Machine.Dispose();

        private static async ValueTask<int> Read(SimulatedLoop loop, IDisk disk, int sector)
        {
            IoBuffer buffer = loop.Buffers.Rent(Sector);
            Assert.Equal(IoStatus.Ok, await disk.ReadAsync(sector * Sector, buffer.First(Sector)));
            int value = buffer.Span[0];
            buffer.Release();
            return value;
        }
    }

    private sealed record Restart(SimulatedLoop Loop)
    {
        public T Run<T>(Func<SimulatedLoop, ValueTask<T>> body) => Loop.Run(() => body(Loop));
    }
}
