using Cstor.Daemon.Service;
using Xunit;

namespace Cstor.Tests.Daemon.Service;

public sealed class WatchdogTests
{
    [Fact]
    public async Task Signs_of_life_come_while_the_loop_turns_and_stop_when_it_does_not()
    {
        TaskCompletionSource hangs = new(), third = new();
        int turns = 0, signs = 0;
        await using Watchdog? watchdog = Watchdog.Start(
            "3000", null, TurnAsync, () => signs++, TimeProvider.System);
        Assert.NotNull(watchdog);
        await third.Task;
        Assert.Equal(2, signs);
        hangs.SetResult();

        Task TurnAsync()
        {
            if (++turns < 3) return Task.CompletedTask;
            third.TrySetResult();
            return turns == 3 ? hangs.Task : Task.CompletedTask;
        }
    }

    [Theory]
    [InlineData(null, null)]
    [InlineData("", null)]
    [InlineData("0", null)]
    [InlineData("soon", null)]
    [InlineData("3000000", "1")]
    public void Where_nobody_watches_nothing_is_sent(string? period, string? process) => Assert.Null(
        Watchdog.Start(
            period, process, () => Task.CompletedTask, () => Assert.Fail("sent"), TimeProvider.System));
}
