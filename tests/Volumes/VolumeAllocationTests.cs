using Cstor.Engine.Host;
using Cstor.Engine.Pools;
using Cstor.Engine.Vdevs;
using Cstor.Engine.Volumes;
using Cstor.PoolLayout.Labels;
using Cstor.Tests.Host.Linux;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Cstor.Tests.Volumes;

/// <summary>
/// On the real loop and a real file: reads and writes allocate nothing once everything is warm.
/// </summary>
public sealed class VolumeAllocationTests
{
    private const int Depth = 32;
    private const int Rounds = 400;
    private const int Blocks = 4096;

#if DEBUG
    // State machines are classes in a debug build.
    private const int BytesPerRequest = 1500;
#else
    private const int BytesPerRequest = 1;
#endif

    // The loads themselves are tasks.
    private const int BytesPerWorker = 400;

    [Theory]
    [InlineData(false, 4096, "compression=off")]
    [InlineData(true, 4096, "compression=off")]
    [InlineData(false, 16384, "compression=lz4")]
    [InlineData(true, 16384, "compression=lz4")]
    [InlineData(true, 16384, "compression=zstd")]
    [InlineData(true, 32768, "compression=zstd")]
    public void Thirty_two_reads_or_writes_under_way_allocate_nothing_once_warm(
        bool isWrite, int blockBytes, string property)
    {
        int rounds = Rounds * 4096 / blockBytes;
        string name = $"allocation-{isWrite}-{blockBytes}-{property}-{Environment.ProcessId}.disk";
        string path = Path.Combine(AppContext.BaseDirectory, name);
        using (FileStream file = File.Create(path)) file.SetLength(1L << 30);
        try
        {
            using LoopFixture fixture = new();
            (Pool pool, Volume volume) =
                fixture.Run(() => OpenAsync(fixture.Loop, path, blockBytes, property));
            for (int warm = 0; warm < 3; warm++)
            {
                fixture.Run(() => LoadAsync(fixture.Loop, volume, isWrite: true, rounds * 2));
                fixture.Run(() => LoadAsync(fixture.Loop, volume, isWrite, rounds));
                Assert.Equal(IoStatus.Ok, fixture.Run(pool.CheckpointAsync));
            }

            long allocated = fixture.Run(async () =>
            {
                long before = GC.GetAllocatedBytesForCurrentThread();
                await LoadAsync(fixture.Loop, volume, isWrite, rounds);
                return GC.GetAllocatedBytesForCurrentThread() - before;
            });
            fixture.Run(() => pool.CloseAsync(exported: false));
            int requests = Depth * rounds;
            int limit = (BytesPerRequest * requests) + (BytesPerWorker * Depth);
            Assert.True(allocated < limit, $"{allocated} bytes for {requests} requests");
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static async ValueTask<(Pool Pool, Volume Volume)> OpenAsync(
        ILoop loop, string path, int blockBytes, string property)
    {
        PoolRegistry registry = new(loop, NullLoggerFactory.Instance, new PoolOptions());
        VdevSpec vdev = new(VdevKind.Disk, [path]);
        Outcome<Pool> pool = await registry.CreateAsync("tank", [vdev], force: false);
        Assert.Null(pool.Fault);
        int equals = property.IndexOf('=', StringComparison.Ordinal);
        Outcome<Volume> volume = await pool.Value.CreateVolumeAsync(
            "v", (long)Blocks * blockBytes, blockBytes, [new(property[..equals], property[(equals + 1)..])]);
        Assert.Null(volume.Fault);
        return (pool.Value, volume.Value);
    }

    private static async ValueTask<bool> LoadAsync(ILoop loop, Volume volume, bool isWrite, int rounds)
    {
        Task[] workers = new Task[Depth];
        for (int i = 0; i < Depth; i++) workers[i] = WorkAsync(loop, volume, isWrite, i, rounds);
        foreach (Task worker in workers) await worker;
        return true;
    }

    private static async Task WorkAsync(ILoop loop, Volume volume, bool isWrite, int worker, int rounds)
    {
        int blockBytes = volume.BlockSizeBytes;
        IoBuffer buffer = loop.Buffers.Rent(blockBytes);
        buffer.Span.Fill((byte)(worker + 1));
        for (int i = 0; i < rounds; i++)
        {
            long offset = ((i * 7919) + (worker * 127)) % Blocks * (long)blockBytes;
            IoStatus status = isWrite
                ? await volume.WriteAsync(offset, buffer.Slice, durable: false)
                : await volume.ReadAsync(offset, buffer.Slice);
            if (status != IoStatus.Ok) Assert.Fail($"request {i}: {status}");
        }

        buffer.Release();
    }
}
