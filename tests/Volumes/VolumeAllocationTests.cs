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

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Thirty_two_reads_or_writes_under_way_allocate_nothing_once_warm(bool isWrite)
    {
        string name = $"allocation-{isWrite}-{Environment.ProcessId}.disk";
        string path = Path.Combine(AppContext.BaseDirectory, name);
        using (FileStream file = File.Create(path)) file.SetLength(256 << 20);
        try
        {
            using LoopFixture fixture = new();
            (Pool pool, Volume volume) = fixture.Run(() => OpenAsync(fixture.Loop, path));
            for (int warm = 0; warm < 3; warm++)
            {
                fixture.Run(() => LoadAsync(fixture.Loop, volume, isWrite: true, Rounds * 2));
                fixture.Run(() => LoadAsync(fixture.Loop, volume, isWrite, Rounds));
                Assert.Equal(IoStatus.Ok, fixture.Run(pool.CheckpointAsync));
            }

            long allocated = fixture.Run(async () =>
            {
                long before = GC.GetAllocatedBytesForCurrentThread();
                await LoadAsync(fixture.Loop, volume, isWrite, Rounds);
                return GC.GetAllocatedBytesForCurrentThread() - before;
            });
            fixture.Run(() => pool.CloseAsync(exported: false));
            const int requests = Depth * Rounds;
            Assert.True(allocated < BytesPerRequest * requests, $"{allocated} bytes for {requests} requests");
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static async ValueTask<(Pool Pool, Volume Volume)> OpenAsync(ILoop loop, string path)
    {
        PoolRegistry registry = new(loop, NullLoggerFactory.Instance, new PoolOptions());
        VdevSpec vdev = new(VdevKind.Disk, [path]);
        Outcome<Pool> pool = await registry.CreateAsync("tank", [vdev], force: false);
        Assert.Null(pool.Fault);
        Outcome<Volume> volume = await pool.Value.CreateVolumeAsync("v", Blocks * 4096L, 4096, []);
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
        IoBuffer buffer = loop.Buffers.Rent(4096);
        buffer.Span.Fill((byte)(worker + 1));
        for (int i = 0; i < rounds; i++)
        {
            long offset = ((i * 7919) + (worker * 127)) % Blocks * 4096L;
            IoStatus status = isWrite
                ? await volume.WriteAsync(offset, buffer.Slice, durable: false)
                : await volume.ReadAsync(offset, buffer.Slice);
            if (status != IoStatus.Ok) Assert.Fail($"request {i}: {status}");
        }

        buffer.Release();
    }
}
