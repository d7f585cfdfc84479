using Cstor.Engine.Host;
using Cstor.Tests.Host.Linux;
using Xunit;

namespace Cstor.Tests.Host;

public sealed class WaitQueueTests
{
    [Fact]
    public void All_that_wait_go_on_in_order_on_the_thread_that_releases_them()
    {
        using LoopFixture fixture = new();
        List<(int Waiter, int Thread)> went = [];
        int loop = fixture.Run(() =>
        {
            WaitQueue queue = new();
            for (int i = 0; i < 5; i++) _ = WaitAsync(queue, i);
            Assert.Empty(went);
            queue.Release();
            return ValueTask.FromResult(Environment.CurrentManagedThreadId);
        });
        Assert.Equal([.. Enumerable.Range(0, 5).Select(i => (i, loop))], went);

        async Task WaitAsync(WaitQueue queue, int waiter)
        {
            await queue.WaitAsync();
            went.Add((waiter, Environment.CurrentManagedThreadId));
        }
    }
}
