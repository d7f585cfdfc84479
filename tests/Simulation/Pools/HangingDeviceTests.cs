using Cstor.Engine.Host;
using Cstor.Engine.Pools;
using Cstor.Engine.Vdevs;
using Cstor.Engine.Volumes;
using Cstor.PoolLayout.Labels;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Cstor.Tests.Simulation.Pools;

/// <summary>Two pools in one process; the devices of one of them stop to answer.</summary>
public sealed class HangingDeviceTests
{
    private const long Second = 1_000_000_000;
    private const int Block = 4096;

    [Theory]
    [InlineData(VdevKind.Disk, 1, 1)]
    [InlineData(VdevKind.Disk, 3, 3)]
    [InlineData(VdevKind.Mirror, 2, 2)]
    [InlineData(VdevKind.Raidz2, 4, 4)]
    public void A_forced_export_returns_when_all_devices_hang_and_other_pools_go_on(
        VdevKind kind, int width, int hanging)
    {
        using World world = new(11, width);
        world.Run(async () =>
        {
            Volume victim = await world.CreateAsync("tank", world.Layout(kind));
            Volume other = await world.CreateAsync("other", [world.OtherDisk]);
            Assert.Equal(IoStatus.Ok, await world.WriteAsync(victim, 0, 1));
            for (int i = 0; i < hanging; i++) world.DiskAt(i).Hang();
            Task<IoStatus> stuck = world.WriteAsync(victim, 1, 2).AsTask();
            Task<IoStatus> alsoStuck = victim.FlushAsync().AsTask();
            long start = world.Loop.NowNanoseconds;
            Task<Outcome<Unit>> export = world.Registry.ExportAsync("tank", force: true).AsTask();
            for (byte value = 0; !export.IsCompleted; value++)
            {
                long begun = world.Loop.NowNanoseconds;
                Assert.Equal(IoStatus.Ok, await world.WriteAsync(other, 3, value));
                Assert.Equal(IoStatus.Ok, await other.FlushAsync());
                Assert.Equal((IoStatus.Ok, value), await world.ReadAsync(other, 3));
                Assert.True(world.Loop.NowNanoseconds - begun < Second);
                await world.Loop.DelayAsync(Second / 4);
            }

            Assert.Null((await export).Fault);
            Assert.InRange(world.Loop.NowNanoseconds - start, 9 * Second, 16 * Second);
            Assert.NotEqual(IoStatus.Ok, await stuck);
            Assert.NotEqual(IoStatus.Ok, await alsoStuck);
            Assert.Null(world.Registry.Find("tank"));
            await world.ReleaseAsync();
            Assert.Equal(0, world.Loop.Buffers.StuckBytes);
        });
    }

    [Fact]
    public void An_export_without_force_fails_with_a_reason_within_the_deadlines()
    {
        using World world = new(12, 1);
        world.Run(async () =>
        {
            Volume victim = await world.CreateAsync("tank", world.Layout(VdevKind.Disk));
            Assert.Equal(IoStatus.Ok, await world.WriteAsync(victim, 0, 1));
            world.DiskAt(0).Hang();
            long start = world.Loop.NowNanoseconds;
            Outcome<Unit> export = await world.Registry.ExportAsync("tank", force: false);
            Assert.NotNull(export.Fault);
            Assert.True(world.Loop.NowNanoseconds - start < 62 * Second);
        });
    }

    [Theory]
    [InlineData(VdevKind.Mirror, 2, 1)]
    [InlineData(VdevKind.Mirror, 3, 2)]
    public void A_pool_goes_on_without_devices_that_hang_where_redundancy_allows(
        VdevKind kind, int width, int hanging)
    {
        for (ulong seed = 0; seed < 8; seed++)
        {
            using World world = new(seed, width);
            world.Run(async () =>
            {
                Volume volume = await world.CreateAsync("tank", world.Layout(kind));
                for (int block = 0; block < 40; block++)
                    Assert.Equal(IoStatus.Ok, await world.WriteAsync(volume, block, (byte)block));
                Assert.Equal(IoStatus.Ok, await volume.FlushAsync());
                for (int i = 0; i < hanging; i++) world.DiskAt(i).Hang();
                long start = world.Loop.NowNanoseconds;
                for (int block = 0; block < 40; block++)
                    Assert.Equal((IoStatus.Ok, (byte)block), await world.ReadAgainAsync(volume, block));
                Assert.Equal(IoStatus.Ok, await world.WriteAsync(volume, 7, 77));
                Assert.Equal(IoStatus.Ok, await volume.FlushAsync());
                Assert.True(world.Loop.NowNanoseconds - start < (hanging * 12 + 31) * Second);
                start = world.Loop.NowNanoseconds;
                Assert.Equal((IoStatus.Ok, (byte)77), await world.ReadAsync(volume, 7));
                Assert.True(world.Loop.NowNanoseconds - start < Second);
                Assert.Equal("degraded", world.Registry.Find("tank")!.Status().Health);
                await world.ReleaseAsync();
                for (int block = 0; block < 40; block++)
                {
                    byte expected = block == 7 ? (byte)77 : (byte)block;
                    Assert.Equal((IoStatus.Ok, expected), await world.ReadAsync(volume, block));
                }
            });
        }
    }

    [Fact]
    public void A_scan_lists_a_device_that_hangs_as_one_that_does_not_answer()
    {
        using World world = new(14, 2);
        world.Run(async () =>
        {
            await world.CreateAsync("tank", world.Layout(VdevKind.Disk));
            await world.Registry.CloseAllAsync();
            world.DiskAt(0).Hang();
            long start = world.Loop.NowNanoseconds;
            long rented = world.Loop.Buffers.RentedCount;
            Outcome<ImportScan> scan = await world.Registry.ScanAsync([]);
            Assert.True(world.Loop.NowNanoseconds - start < 7 * Second);
            UnusableDevice device = Assert.Single(scan.Value.Unusable);
            Assert.Equal("/dev/d0", device.Path);
            Assert.Contains("does not answer", device.Reason, StringComparison.Ordinal);
            await world.ReleaseAsync();
            Assert.Equal(rented, world.Loop.Buffers.RentedCount);
            Assert.Empty((await world.Registry.ScanAsync([])).Value.Unusable);
        });
    }

    private sealed class World : IDisposable
    {
        private readonly SimulatedMachine _machine;
        private readonly int _width;

        public World(ulong seed, int width)
        {
            _machine = new SimulatedMachine(seed);
            _width = width;
            SimulatedNode node = _machine.AddNode("node");
            for (int i = 0; i <= width; i++) node.Disks.Add($"/dev/d{i}", 128L << 20);
            Node = node;
            Loop = node.CreateLoop();
            Registry = new PoolRegistry(Loop, NullLoggerFactory.Instance, new PoolOptions());
        }

        public SimulatedNode Node { get; }

        public SimulatedLoop Loop { get; }

        public PoolRegistry Registry { get; }

        public VdevSpec OtherDisk => new(VdevKind.Disk, [$"/dev/d{_width}"]);

        public SimulatedDisk DiskAt(int index) => Node.Disks[$"/dev/d{index}"];

        public VdevSpec[] Layout(VdevKind kind)
        {
            string[] paths = [.. Enumerable.Range(0, _width).Select(i => $"/dev/d{i}")];
            return kind == VdevKind.Disk
                ? [.. paths.Select(path => new VdevSpec(kind, [path]))]
                : [new VdevSpec(kind, paths)];
        }

        public void Run(Func<ValueTask> body) => Assert.Equal(RunEnd.Completed, _machine.Run(Loop, body));

        public async ValueTask<Volume> CreateAsync(string name, VdevSpec[] vdevs)
        {
            Outcome<Pool> pool = await Registry.CreateAsync(name, vdevs, force: false);
            Assert.Null(pool.Fault);
            Outcome<Volume> volume =
                await pool.Value.CreateVolumeAsync("v", 16L << 20, Block, [new("compression", "off")]);
            Assert.Null(volume.Fault);
            return volume.Value;
        }

        /// <summary>All disks answer again, and everything late has come.</summary>
        public async ValueTask ReleaseAsync()
        {
            for (int i = 0; i < _width; i++) DiskAt(i).EndHang();
            await Loop.DelayAsync(Second);
        }

        public async ValueTask<IoStatus> WriteAsync(Volume volume, int block, byte value)
        {
            IoBuffer buffer = Loop.Buffers.Rent(Block);
            buffer.Span.Fill((byte)(value | 0x80));
            buffer.Span[0] = value;
            IoStatus status = await volume.WriteAsync((long)block * Block, buffer.First(Block), false);
            buffer.Release();
            return status;
        }

        public async ValueTask<(IoStatus Status, byte Value)> ReadAsync(Volume volume, int block)
        {
            IoBuffer buffer = Loop.Buffers.Rent(Block);
            IoStatus status = await volume.ReadAsync((long)block * Block, buffer.First(Block));
            byte value = buffer.Span[0];
            if (status == IoStatus.Ok) Assert.False(buffer.Span[1..].ContainsAnyExcept((byte)(value | 0x80)));
            buffer.Release();
            return (status, value);
        }

        /// <summary>As the target does: after a time-out again, in other memory.</summary>
        public async ValueTask<(IoStatus Status, byte Value)> ReadAgainAsync(Volume volume, int block)
        {
            (IoStatus status, byte value) = await ReadAsync(volume, block);
            for (int i = 0; i < 3 && status == IoStatus.DeviceTimeout; i++)
                (status, value) = await ReadAsync(volume, block);
            return (status, value);
        }

        public void Dispose() => _machine.Dispose();
    }
}
