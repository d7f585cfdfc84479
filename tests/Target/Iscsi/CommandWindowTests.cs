using Cstor.Target.Iscsi;
using Xunit;

namespace Cstor.Tests.Target.Iscsi;

public sealed class CommandWindowTests
{
    [Theory]
    [InlineData(5u)]
    [InlineData(uint.MaxValue - 1)]
    public void Numbers_wrap_around(uint first)
    {
        var window = new CommandWindow(4);
        window.Start(first);
        for (uint i = 0; i < 8; i++)
        {
            uint next = unchecked(first + i);
            Assert.Equal(CommandPlace.Next, window.Classify(next));
            Assert.Equal(CommandPlace.Ahead, window.Classify(unchecked(next + 1)));
            Assert.Equal(CommandPlace.Ahead, window.Classify(unchecked(next + 3)));
            Assert.Equal(CommandPlace.Outside, window.Classify(unchecked(next + 4)));
            Assert.Equal(CommandPlace.Outside, window.Classify(unchecked(next - 1)));
            window.Advance();
            window.Open(0, false);
        }
    }

    [Fact]
    public void A_closed_window_takes_nothing_and_never_moves_back()
    {
        var window = new CommandWindow(2);
        window.Start(10);
        window.Advance();
        window.Advance();
        window.Open(2, false);
        Assert.Equal(11u, window.MaxCmdSn);
        Assert.Equal(CommandPlace.Outside, window.Classify(12));
        window.Open(1, false);
        Assert.Equal(CommandPlace.Next, window.Classify(12));
        window.Open(2, false);
        Assert.Equal(12u, window.MaxCmdSn);
    }

    [Fact]
    public void Shortage_of_memory_opens_it_less()
    {
        var window = new CommandWindow(100);
        window.Start(0);
        for (int i = 0; i < 100; i++) window.Advance();
        window.Open(0, true);
        Assert.Equal(107u, window.MaxCmdSn);
    }
}
