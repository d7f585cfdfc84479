using Cstor.Engine.Host;
using Cstor.Target.Replication;
using Xunit;

namespace Cstor.Tests.Target.Replication;

public sealed class EntryWindowTests
{
    private const int Bytes = 256 * 1024;

    [Fact]
    public void Windows_are_bounded_together_and_the_oldest_entry_of_all_goes_first()
    {
        using BufferPool buffers = new(64 << 20);
        WindowMemory memory = new();
        EntryWindow idle = new(memory);
        EntryWindow busy = new(memory);
        for (ulong i = 1; i <= 40; i++) Add(buffers, idle, i, isEnded: true);
        for (ulong i = 1; i <= 100; i++) Add(buffers, busy, i, isEnded: true);
        int kept = idle.Entries.Count() + busy.Entries.Count();
        Assert.Equal(24 * 4, kept);
        Assert.Equal(64, busy.Entries.Count());
        Assert.False(idle.Covers(7));
        Assert.True(idle.Covers(8));
        Assert.True(idle.Covers(40));
        memory.Shrink();
        Assert.Empty(idle.Entries.Concat(busy.Entries));
        Assert.True(busy.Covers(100));
        Assert.Equal(0, buffers.RentedCount);
    }

    [Fact]
    public void What_has_not_ended_is_kept_however_little_memory_there_is()
    {
        using BufferPool buffers = new(64 << 20);
        WindowMemory memory = new();
        EntryWindow window = new(memory);
        Add(buffers, window, 1, isEnded: true);
        Add(buffers, window, 2, isEnded: false);
        Add(buffers, window, 3, isEnded: true);
        memory.Shrink();
        Assert.Equal([2UL, 3UL], window.Entries.Select(static entry => entry.Index));
        window.Dispose();
        // What was kept before a term ended is no burden to the next one's.
        EntryWindow next = new(memory);
        for (ulong i = 1; i <= 50; i++) Add(buffers, next, i, isEnded: true);
        Assert.Equal(50, next.Entries.Count());
        next.Dispose();
        Assert.Equal(0, buffers.RentedCount);
    }

    [Fact]
    public void Whoever_wants_more_than_there_is_room_for_waits_for_his_turn()
    {
        ByteBudget budget = new(100);
        Assert.True(budget.RoomAsync(1000).AsTask().IsCompleted);
        budget.Take(1000);
        Task large = budget.RoomAsync(80).AsTask();
        Task small = budget.RoomAsync(10).AsTask();
        Assert.False(large.IsCompleted || small.IsCompleted);
        budget.Give(1000);
        Assert.True(large.IsCompleted && small.IsCompleted);
        budget.Take(95);
        Task last = budget.RoomAsync(10).AsTask();
        Assert.False(last.IsCompleted || budget.Fits(10));
        budget.Open();
        Assert.True(last.IsCompleted && budget.Fits(10));
    }

    private static void Add(BufferPool buffers, EntryWindow window, ulong index, bool isEnded)
    {
        Entry entry = new()
        {
            Kind = FrameKind.Write,
            Index = index,
            Payload = buffers.TryRent(Bytes),
            PayloadBytes = Bytes,
        };
        if (isEnded) entry.End(IoStatus.Ok);
        window.Add(entry);
    }
}
