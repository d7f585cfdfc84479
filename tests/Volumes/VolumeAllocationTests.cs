using Cstor.Engine.Caching;
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
/// On the real loop and a real file: reads and writes allocate nothing once everything is warm, whether the
/// cache has the blocks or not.
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
    [InlineData(false, 4096, "compression=off", 1)]
    [InlineData(false, 4096, "compression=off", 128)]
    [InlineData(true, 4096, "compression=off", 128)]
    [InlineData(true, 4096, "checksum=blake3", 128)]
    [InlineData(false, 16384, "compression=lz4", 1)]
    [InlineData(false, 16384, "compression=lz4", 128)]
    [InlineData(true, 16384, "compression=lz4", 128)]
    [InlineData(true, 16384, "compression=zstd", 128)]
    [InlineData(true, 32768, "compression=zstd", 128)]
    [InlineData(true, 4096, "sync=always", 128)]
    [InlineData(true, 16384, "compression=off", 128, 1536)]
    [InlineData(true, 16384, "sync=always", 128, 1536)]
    public void Thirty_two_requests_under_way_allocate_nothing_once_warm(
        bool isWrite, int blockBytes, string property, int cacheMiB, int partBytes = 0)
    {
        int lengthBytes = partBytes == 0 ? blockBytes : partBytes;
        int rounds = Rounds * 4096 / blockBytes;
        string name = $"allocation-{isWrite}-{blockBytes}-{property}-{cacheMiB}-"
            + $"{partBytes}-{Environment.ProcessId}.disk";
        string path = Path.Combine(AppContext.BaseDirectory, name);
        using (FileStream file = File.Create(path)) file.SetLength(1L << 30);
        try
        {
            using LoopFixture fixture = new();
            (Pool pool, Volume volume) =
                fixture.Run(() => OpenAsync(fixture.Loop, path, blockBytes, property, cacheMiB));
            for (int warm = 0; warm < 3; warm++)
            {
                fixture.Run(() => LoadAsync(fixture.Loop, volume, blockBytes, true, rounds * 2));
                fixture.Run(() => LoadAsync(fixture.Loop, volume, lengthBytes, isWrite, rounds));
                Assert.Equal(IoStatus.Ok, fixture.Run(pool.CheckpointAsync));
            }

            CacheStatus before = fixture.Run(() => ValueTask.FromResult(pool.Status().Cache!));
            // What is pooled grows when more of it is in use at once than ever before, which workers' timing
            // decides; what each request allocates shows in every run.
            long allocated = long.MaxValue;
            for (int run = 0; run < 3; run++)
                allocated = Math.Min(allocated, fixture.Run(async () =>
                {
                    long start = GC.GetAllocatedBytesForCurrentThread();
                    await LoadAsync(fixture.Loop, volume, lengthBytes, isWrite, rounds);
                    return GC.GetAllocatedBytesForCurrentThread() - start;
                }));
            CacheStatus after = fixture.Run(() => ValueTask.FromResult(pool.Status().Cache!));
            fixture.Run(() => pool.CloseAsync(exported: false));
            int requests = Depth * rounds;
            int limit = (BytesPerRequest * requests) + (BytesPerWorker * Depth);
            Assert.True(allocated < limit, $"{allocated} bytes for {requests} requests");
            // The blocks fit into the large cache and not into the small one.
            if (!isWrite) Assert.Equal(cacheMiB == 128, after.DataMisses == before.DataMisses);
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static async ValueTask<(Pool Pool, Volume Volume)> OpenAsync(
        ILoop loop, string path, int blockBytes, string property, int cacheMiB)
    {
        PoolOptions options = new() { CacheBytes = (long)cacheMiB << 20 };
        PoolRegistry registry = new(loop, NullLoggerFactory.Instance, options);
        VdevSpec vdev = new(VdevKind.Disk, [path]);
        Outcome<Pool> pool = await registry.CreateAsync("tank", [vdev], force: false);
        Assert.Null(pool.Fault);
        int equals = property.IndexOf('=', StringComparison.Ordinal);
        Outcome<Volume> volume = await pool.Value.CreateVolumeAsync(
            "v", (long)Blocks * blockBytes, blockBytes, [new(property[..equals], property[(equals + 1)..])]);
        Assert.Null(volume.Fault);
        return (pool.Value, volume.Value);
    }

    private static async ValueTask<bool> LoadAsync(
        ILoop loop, Volume volume, int lengthBytes, bool isWrite, int rounds)
    {
        Task[] workers = new Task[Depth];
        for (int i = 0; i < Depth; i++) workers[i] = WorkAsync(loop, volume, lengthBytes, isWrite, i, rounds);
        foreach (Task worker in workers) await worker;
        return true;
    }

    private static async Task WorkAsync(
        ILoop loop, Volume volume, int lengthBytes, bool isWrite, int worker, int rounds)
    {
        int blockBytes = volume.BlockSizeBytes;
        IoBuffer buffer = loop.Buffers.Rent(blockBytes);
        buffer.Span.Fill((byte)(worker + 1));
        for (int i = 0; i < rounds; i++)
        {
            // No two adjoin, so nothing is read ahead.
            long offset = ((i * 7919) + (worker * 127)) % (Blocks / 2) * 2 * (long)blockBytes;
            IoStatus status = isWrite
                ? await volume.WriteAsync(offset, buffer.First(lengthBytes), durable: false)
                : await volume.ReadAsync(offset, buffer.First(lengthBytes));
            if (status != IoStatus.Ok) Assert.Fail($"request {i}: {status}");
        }

        buffer.Release();
    }
}
