using Cstor.Engine.Caching;
using Cstor.PoolLayout;
using Cstor.Tests.Simulation;
using Xunit;

namespace Cstor.Tests.Caching;

public sealed class ReadCacheTests
{
    private const int MiB = 1024 * 1024;
    private const int Block = CacheRig.Block;

    [Fact]
    public void A_block_is_found_by_its_place_birth_and_checksum_together_and_by_its_own_pool()
    {
        using CacheRig rig = new(16 * MiB);
        byte[] contents = new byte[Block];
        rig.Share.InsertData(CacheRig.Pointer(7, birth: 3, sum: 9), contents);
        Assert.True(rig.Share.TryReadData(CacheRig.Pointer(7, birth: 3, sum: 9), contents, isScan: false));
        Assert.False(rig.Share.TryReadData(CacheRig.Pointer(7, birth: 4, sum: 9), contents, isScan: false));
        Assert.False(rig.Share.TryReadData(CacheRig.Pointer(7, birth: 3, sum: 8), contents, isScan: false));
        BlockPointer elsewhere =
            CacheRig.Pointer(7, birth: 3, sum: 9) with { Place0 = new BlockPlace(1, 8) };
        Assert.False(rig.Share.TryReadData(elsewhere, contents, isScan: false));
        CacheShare other = rig.Cache.Open();
        Assert.False(other.TryReadData(CacheRig.Pointer(7, birth: 3, sum: 9), contents, isScan: false));
        other.Close();
    }

    [Fact]
    public void Memory_stays_within_the_bound_whatever_is_read_and_every_hit_is_right()
    {
        const int limit = 12 * MiB;
        using CacheRig rig = new(limit);
        SimulatedRandom random = new(5);
        for (int i = 0; i < 60_000; i++)
        {
            int block = random.Below(8) == 0 ? random.Below(50) : random.Below(20_000);
            // A block has one size for life.
            rig.Read(block, Block << (block % 6));
            if (i == 30_000) rig.Cache.Allow(ReadCache.MinimumBytes);
        }

        rig.Run(() => rig.Loop.DelayAsync(1_000_000_000));
        CacheStatus status = rig.Share.Status();
        Assert.Equal(ReadCache.MinimumBytes, rig.Loop.Memory.TakenBytes);
        Assert.Equal(limit, rig.Loop.Memory.PeakBytes);
        long fewest = ReadCache.MinimumBytes - Layout.MaximumBlockBytes;
        Assert.InRange(status.DataBytes, fewest, status.AllowedBytes);
        Assert.True(status is { DataHits: > 1000, Evicted: > 1000, NodeBytes: 0 }, status.ToString());
    }

    [Fact]
    public void A_hot_set_survives_a_scan_of_ten_times_the_cache()
    {
        using CacheRig rig = new(16 * MiB);
        const int hot = 2000;
        for (int round = 0; round < 3; round++)
            for (int block = 0; block < hot; block++)
                rig.Read(block);
        int scanned = (int)(10 * rig.Cache.LimitBytes / Block);
        for (int block = 0; block < scanned; block++) rig.Read(100_000 + block);
        Assert.InRange(rig.CountCached(0, hot), hot * 98 / 100, hot);
    }

    [Fact]
    public void A_new_hot_set_takes_over()
    {
        using CacheRig rig = new(16 * MiB);
        const int hot = 3000;
        for (int round = 0; round < 5; round++)
            for (int block = 0; block < hot; block++)
                rig.Read(block);
        Assert.Equal(hot, rig.CountCached(0, hot));
        for (int round = 0; round < 6; round++)
            for (int block = 0; block < hot; block++)
                rig.Read(50_000 + block);
        Assert.Equal(hot, rig.CountCached(50_000, hot));
    }

    [Fact]
    public void A_skewed_load_finds_what_the_best_choice_would_nearly_as_often()
    {
        using CacheRig rig = new(8 * MiB);
        SimulatedRandom random = new(3);
        const int blocks = 20_000;
        int hits = 0;
        for (int i = 0; i < 200_000; i++)
        {
            // Density falls with the square root: the hottest tenth gets a third of the reads.
            double x = random.Below(1 << 20) / (double)(1 << 20);
            if (rig.Read((long)(x * x * blocks)) && i >= 100_000) hits++;
        }

        double best = Math.Sqrt(rig.Cache.LimitBytes / (double)Block / blocks);
        Assert.InRange(hits / 100_000.0, 0.8 * best, best + 0.01);
    }

    [Fact]
    public void Nodes_stay_while_data_stream_by()
    {
        using CacheRig rig = new(ReadCache.MinimumBytes);
        byte[] node = new byte[Layout.NodeBytes];
        for (int i = 0; i < 100; i++)
        {
            node.AsSpan().Fill((byte)i);
            rig.Share.InsertNode(CacheRig.Pointer(1_000_000 + i, Layout.NodeBytes), node);
        }

        for (int block = 0; block < 20_000; block++) rig.Read(block);
        for (int i = 0; i < 100; i++)
        {
            BlockPointer pointer = CacheRig.Pointer(1_000_000 + i, Layout.NodeBytes);
            Assert.True(rig.Share.TryReadNode(pointer, node));
            Assert.False(node.AsSpan().ContainsAnyExcept((byte)i));
        }
    }

    [Fact]
    public void A_block_of_a_scan_is_taken_in_when_it_comes_by_again()
    {
        using CacheRig rig = new(16 * MiB);
        byte[] contents = new byte[Block];
        for (int block = 0; block < 1000; block++)
            rig.Share.InsertScanned(CacheRig.Pointer(block), contents);
        Assert.Equal(0, rig.CountCached(0, 1000));
        for (int block = 0; block < 1000; block++)
            rig.Share.InsertScanned(CacheRig.Pointer(block), contents);
        // The table of those that were missed forgets a few.
        Assert.InRange(rig.CountCached(0, 1000), 950, 1000);
    }

    [Fact]
    public void What_a_pool_had_goes_with_it()
    {
        using CacheRig rig = new(16 * MiB);
        CacheShare other = rig.Cache.Open();
        byte[] contents = new byte[Block];
        for (int block = 0; block < 100; block++)
        {
            rig.Read(block);
            other.InsertData(CacheRig.Pointer(block), contents);
        }

        other.Close();
        CacheShare next = rig.Cache.Open();
        Assert.Equal(other.Number, next.Number);
        Assert.False(next.Contains(CacheRig.Pointer(5)));
        Assert.Equal(100, rig.CountCached(0, 100));
        next.Close();
    }

    [Fact]
    public void Memory_goes_back_when_little_is_left_and_is_taken_again_later()
    {
        using CacheRig rig = new(64 * MiB, isAllowedAll: false);
        SimulatedMemoryLevel(rig, total: 1024L * MiB, left: 512L * MiB);
        rig.Run(async () =>
        {
            await FillAsync(rig, 20_000);
            Assert.InRange(rig.Loop.Memory.TakenBytes, rig.Cache.LimitBytes, 64L * MiB);

            // 64 MiB shall stay free for others, and 40 are.
            SimulatedMemoryLevel(rig, 1024L * MiB, left: rig.Cache.LimitBytes + (40L * MiB));
            await rig.Loop.DelayAsync(3_000_000_000);
            Assert.InRange(rig.Loop.Memory.TakenBytes, 34L * MiB, 40L * MiB);
            await FillAsync(rig, 20_000);
            Assert.InRange(rig.Loop.Memory.TakenBytes, 34L * MiB, 40L * MiB);

            SimulatedMemoryLevel(rig, 1024L * MiB, left: 0);
            await rig.Loop.DelayAsync(3_000_000_000);
            Assert.Equal(ReadCache.MinimumBytes, rig.Loop.Memory.TakenBytes);
            Assert.True(rig.Share.Status().GivenBackBytes > 0);

            SimulatedMemoryLevel(rig, 1024L * MiB, left: 512L * MiB);
            await FillAsync(rig, 20_000);
            Assert.InRange(rig.Loop.Memory.TakenBytes, rig.Cache.LimitBytes, 64L * MiB);
        });
    }

    private static async ValueTask FillAsync(CacheRig rig, int blocks)
    {
        for (int i = 0; i < blocks; i++)
        {
            rig.Read(i);
            if (i % 1000 == 0) await rig.Loop.DelayAsync(200_000_000);
        }
    }

    private static void SimulatedMemoryLevel(CacheRig rig, long total, long left)
    {
        rig.Loop.Memory.TotalBytes = total;
        rig.Loop.Memory.OthersLeaveBytes = left;
    }
}
