using Cstor.Engine.Checking;
using Cstor.Engine.Host;
using Cstor.Engine.Pools;
using Cstor.Engine.Vdevs;
using Cstor.Engine.Volumes;
using Cstor.PoolLayout.Labels;
using Cstor.Tests.Simulation;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Cstor.Tests.Pools;

public sealed class PoolTests
{
    private const long DiskBytes = 128L * 1024 * 1024;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void What_was_flushed_is_there_after_a_crash_and_an_import(ulong seed)
    {
        using SimulatedMachine machine = new(seed);
        SimulatedNode node = machine.AddNode("n");
        node.Disks.Add("/dev/a", DiskBytes);
        node.Disks.Add("/dev/b", DiskBytes);
        SimulatedLoop loop = node.CreateLoop();
        machine.Run(loop, async () =>
        {
            Pool pool = await CreateAsync(loop);
            Volume volume = await VolumeAsync(pool);
            for (int i = 0; i < 600; i++) await WriteAsync(loop, volume, i * 7 % 1000, (byte)((i % 100) + 1));
            Assert.Equal(IoStatus.Ok, await pool.CheckpointAsync());
            for (int i = 0; i < 300; i++)
                await WriteAsync(loop, volume, i * 3 % 1000, (byte)((i % 100) + 101));
            Assert.Equal(IoStatus.Ok, await volume.FlushAsync());
        });
        node.Crash(CrashMode.DropUnflushed);
        SimulatedLoop second = node.CreateLoop();
        machine.Run(second, async () =>
        {
            Pool pool = await ImportAsync(second);
            Volume volume = pool.FindVolume("v")!;
            byte[] expected = new byte[1000];
            for (int i = 0; i < 600; i++) expected[i * 7 % 1000] = (byte)((i % 100) + 1);
            for (int i = 0; i < 300; i++) expected[i * 3 % 1000] = (byte)((i % 100) + 101);
            for (int block = 0; block < 1000; block++)
            {
                IoBuffer buffer = second.Buffers.Rent(4096);
                Assert.Equal(IoStatus.Ok, await volume.ReadAsync(block * 4096L, buffer.Slice));
                Assert.Equal(expected[block], buffer.Span[17]);
                buffer.Release();
            }

            CheckReport report = await PoolChecker.CheckAsync(pool);
            Assert.True(report.IsClean, report.ToString());
            Assert.True(report.Blocks > 600);
            Assert.Equal(IoStatus.Ok, await pool.CloseAsync(exported: true));
        });
    }

    private static async ValueTask<Pool> CreateAsync(SimulatedLoop loop)
    {
        PoolRegistry registry = new(loop, NullLoggerFactory.Instance, new PoolOptions());
        Outcome<Pool> pool = await registry.CreateAsync(
            "tank",
            [new VdevSpec(VdevKind.Disk, ["/dev/a"]), new VdevSpec(VdevKind.Disk, ["/dev/b"])],
            force: false);
        Assert.Null(pool.Fault);
        return pool.Value;
    }

    private static async ValueTask<Pool> ImportAsync(SimulatedLoop loop)
    {
        PoolRegistry registry = new(loop, NullLoggerFactory.Instance, new PoolOptions());
        Outcome<ImportScan> scan = await registry.ScanAsync([]);
        Assert.Null(scan.Fault);
        Outcome<Pool> pool = await registry.ImportAsync(Assert.Single(scan.Value.Pools), readOnly: false,
            force: false);
        Assert.Null(pool.Fault);
        return pool.Value;
    }

    private static async ValueTask<Volume> VolumeAsync(Pool pool)
    {
        Outcome<Volume> volume = await pool.CreateVolumeAsync("v", 64L * 1024 * 1024, 4096, []);
        Assert.Null(volume.Fault);
        return volume.Value;
    }

    private static async ValueTask WriteAsync(SimulatedLoop loop, Volume volume, int block, byte value)
    {
        IoBuffer buffer = loop.Buffers.Rent(4096);
        buffer.Span.Fill(value);
        Assert.Equal(IoStatus.Ok, await volume.WriteAsync(block * 4096L, buffer.Slice, durable: false));
        buffer.Release();
    }
}
