using Cstor.Engine.Host;
using Xunit;

namespace Cstor.Tests.Host;

public sealed class BufferPoolTests
{
    [Fact]
    public void Buffers_of_all_sizes_are_aligned_and_never_overlap()
    {
        var random = new Random(99);
        using var pool = new BufferPool(256L * 1024 * 1024);
        var rented = new List<IoBuffer>();
        for (int step = 0; step < 3000; step++)
        {
            if (rented.Count > 0 && random.Next(3) == 0)
            {
                int index = random.Next(rented.Count);
                rented[index].Release();
                rented.RemoveAt(index);
                continue;
            }

            int sizeBytes = 1 << random.Next(8, 22);
            IoBuffer? buffer = pool.TryRent(sizeBytes);
            if (buffer is null) continue;
            Assert.Equal(0, buffer.Address % 4096);
            Assert.True(buffer.CapacityBytes >= sizeBytes);
            rented.Add(buffer);
        }

        Assert.InRange(pool.GrownBytes, 1, pool.LimitBytes);
        Assert.Equal(rented.Count, pool.RentedCount);
        IoBuffer[] sorted = [.. rented.OrderBy(buffer => buffer.Address)];
        for (int i = 1; i < sorted.Length; i++)
            Assert.True(sorted[i - 1].Address + sorted[i - 1].CapacityBytes <= sorted[i].Address);
        foreach (IoBuffer buffer in rented) buffer.Release();
        Assert.Equal(0, pool.RentedCount);
    }

    [Fact]
    public void At_the_limit_there_is_no_buffer_until_one_comes_back()
    {
        using var pool = new BufferPool(4 * BufferPool.MaximumBytes);
        var rented = new List<IoBuffer>();
        while (pool.TryRent(BufferPool.MaximumBytes) is { } buffer) rented.Add(buffer);
        Assert.Equal(4, rented.Count);
        Assert.Null(pool.TryRent(1));
        rented[2].Release();
        Assert.Same(rented[2], pool.TryRent(BufferPool.MaximumBytes));
    }

    [Fact]
    public void Memory_comes_in_chunks_that_can_be_huge_pages_and_nothing_of_them_is_lost()
    {
        var chunks = new List<(nint Address, long Bytes)>();
        using var pool = new BufferPool(64L * 1024 * 1024, (address, bytes) => chunks.Add((address, bytes)));
        var rented = new List<IoBuffer>();
        for (int i = 0; i < 10; i++)
        {
            rented.Add(pool.Rent(4096));
            rented.Add(pool.Rent(1024 * 1024));
            rented.Add(pool.Rent(512 * 1024));
        }

        foreach ((nint address, long bytes) in chunks)
        {
            Assert.Equal(2 * 1024 * 1024, bytes);
            Assert.Equal(0, address % (2 * 1024 * 1024));
        }

        foreach (IoBuffer buffer in rented)
        {
            Assert.Contains(
                chunks,
                chunk => buffer.Address >= chunk.Address && buffer.Address < chunk.Address + chunk.Bytes);
        }

        // All but what is left of the chunk begun last.
        Assert.InRange(chunks.Sum(chunk => chunk.Bytes) - pool.GrownBytes, 0, BufferPool.MaximumBytes);
    }

    [Fact]
    public void A_buffer_is_found_by_any_address_in_it_and_kept_until_let_go()
    {
        using BufferPool pool = new(4L * 1024 * 1024);
        List<IoBuffer> rented = [];
        foreach (int sizeBytes in (int[])[4096, 8192, 65536, 1 << 20]) rented.Add(pool.Rent(sizeBytes));
        foreach (IoBuffer buffer in rented)
        {
            Assert.Same(buffer, pool.Keep(buffer.Address));
            Assert.Same(buffer, pool.Keep(buffer.Address + buffer.CapacityBytes - 1));
            buffer.Release();
            pool.LetGo(buffer);
            IoBuffer other = pool.Rent(buffer.CapacityBytes);
            Assert.NotSame(buffer, other);
            other.Release();
            pool.LetGo(buffer);
        }

        Assert.Equal((0L, 0L), (pool.RentedCount, pool.StuckBytes));
        using BufferPool foreign = new(1L << 20);
        Assert.Null(pool.Keep(foreign.Rent(4096).Address));
    }

    [Fact]
    public void What_is_kept_for_a_device_that_hangs_leaves_the_others_their_share()
    {
        const int Bytes = BufferPool.MaximumBytes;
        using BufferPool pool = new(2 * Bytes);
        IoBuffer[] stuck = [pool.Rent(Bytes), pool.Rent(Bytes)];
        Assert.Null(pool.TryRent(Bytes));
        foreach (IoBuffer buffer in stuck)
        {
            pool.Keep(buffer.Address);
            buffer.Release();
        }

        IoBuffer?[] others = [pool.TryRent(Bytes), pool.TryRent(Bytes), pool.TryRent(Bytes)];
        Assert.True(others[0] is not null && others[1] is not null && others[2] is null);
    }

    [Fact]
    public void What_may_not_fail_finds_memory_after_requests_took_all_they_may()
    {
        using BufferPool pool = new(BufferPool.MaximumBytes);
        IoBuffer taken = pool.TryRent(BufferPool.MaximumBytes)!;
        Assert.Null(pool.TryRent(4096));
        IoBuffer[] needed = [.. Enumerable.Range(0, 100).Select(_ => pool.Rent(16_384))];
        Assert.Equal(101, pool.RentedCount);
        // Nor does a request get it when it was given back.
        foreach (IoBuffer buffer in needed) buffer.Release();
        Assert.Null(pool.TryRent(16_384));
        IoBuffer again = pool.Rent(16_384);
        Assert.Same(again, pool.Keep(again.Address));
        Assert.Equal(again.CapacityBytes, pool.StuckBytes);
        again.Release();
        pool.LetGo(again);
        taken.Release();
        Assert.Equal(0, pool.RentedCount + pool.StuckBytes);
    }
}
