using Cstor.Engine.Trees;
using Cstor.Engine.Volumes;
using Xunit;

namespace Cstor.Tests.Volumes;

public sealed class BlockLocksTests
{
    [Fact]
    public void Ranges_apart_do_not_wait_for_each_other()
    {
        BlockLocks locks = new();
        Assert.True(locks.AcquireAsync(new BlockRange(0, 4)).AsTask().IsCompleted);
        Assert.True(locks.AcquireAsync(new BlockRange(4, 4)).AsTask().IsCompleted);
    }

    [Fact]
    public async Task Overlapping_ranges_are_granted_in_the_order_of_asking()
    {
        BlockLocks locks = new();
        List<int> order = [];
        BlockRange range = new(10, 4);
        await locks.AcquireAsync(range);
        Task second = TakeAsync(locks, new BlockRange(12, 4), 2, order);
        Task third = TakeAsync(locks, new BlockRange(15, 4), 3, order);
        Task fourth = TakeAsync(locks, new BlockRange(10, 1), 4, order);
        Assert.Empty(order);
        locks.Release(range);
        await Task.WhenAll(second, third, fourth);
        Assert.Equal(0, locks.HeldCount);
        Assert.True(order.IndexOf(2) < order.IndexOf(3));
    }

    [Fact]
    public async Task A_late_comer_does_not_overtake_one_who_waits_for_the_same_block()
    {
        BlockLocks locks = new();
        await locks.AcquireAsync(new BlockRange(0, 2));
        Task waiting = locks.AcquireAsync(new BlockRange(1, 2)).AsTask();
        Task late = locks.AcquireAsync(new BlockRange(2, 1)).AsTask();
        Assert.False(late.IsCompleted);
        locks.Release(new BlockRange(0, 2));
        await waiting;
        Assert.False(late.IsCompleted);
        locks.Release(new BlockRange(1, 2));
        await late;
        locks.Release(new BlockRange(2, 1));
    }

    private static async Task TakeAsync(BlockLocks locks, BlockRange range, int name, List<int> order)
    {
        await locks.AcquireAsync(range);
        order.Add(name);
        locks.Release(range);
    }
}
