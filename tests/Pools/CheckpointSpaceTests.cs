using Cstor.Engine.Host;
using Cstor.Engine.Pools;
using Cstor.Engine.Vdevs;
using Cstor.Engine.Volumes;
using Cstor.PoolLayout.Labels;
using Xunit;

namespace Cstor.Tests.Pools;

public sealed class CheckpointSpaceTests
{
    private const int RequestBytes = 64 * 1024;
    private const long VolumeBytes = 96L << 20;
    private const int Overwrites = 10_000;

    private static readonly VdevSpec Disk = new(VdevKind.Disk, ["/dev/a"]);

    /// <summary>Writers must not have to wait for the checkpoint that frees what they overwrote.</summary>
    [Fact]
    public void A_checkpoint_begins_before_overwriting_has_used_up_what_is_free()
    {
        using PoolFixture fixture = new(41, 1, 512L << 20, Disk);
        fixture.Run(async () =>
        {
            Pool pool = await fixture.CreateAsync();
            Outcome<Volume> created = await pool.CreateVolumeAsync("v", VolumeBytes, RequestBytes, []);
            Assert.Null(created.Fault);
            Volume volume = created.Value;
            IoBuffer buffer = fixture.Loop.Buffers.Rent(RequestBytes);
            fixture.Loop.FillRandom(buffer.Span);
            for (long at = 0; at < VolumeBytes; at += RequestBytes)
                Assert.Equal(IoStatus.Ok, await volume.WriteAsync(at, buffer.First(RequestBytes), false));
            Assert.Equal(IoStatus.Ok, await pool.CheckpointAsync());
            ulong before = pool.Status().Checkpoint;
            long free = pool.Core.Allocator.FreeForDataSectors;
            long least = free;
            for (long i = 0; i < Overwrites; i++)
            {
                long at = i * 977 % (VolumeBytes / RequestBytes) * RequestBytes;
                Assert.Equal(IoStatus.Ok, await volume.WriteAsync(at, buffer.First(RequestBytes), false));
                long left = pool.Core.Allocator.FreeForDataSectors + pool.Core.Ledger.HeldSectors;
                least = Math.Min(least, left);
            }

            buffer.Release();
            Assert.True(pool.Status().Checkpoint > before + 1, "there were no checkpoints");
            Assert.True(least > free / 5, $"{least} sectors of {free} were left");
            await pool.CloseAsync(exported: true);
        });
    }
}
