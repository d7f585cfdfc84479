using Cstor.Engine.Blocks;
using Xunit;

namespace Cstor.Tests.Pools;

public sealed class CheckpointPaceTests
{
    private const long Changes = 100_000;
    private const long Second = 1_000_000_000;

    private double _usedUp;
    private long _requests;

    [Fact]
    public void Work_goes_on_as_the_next_checkpoint_comes_nearer()
    {
        CheckpointPace pace = Begun();
        Assert.False(pace.IsAhead(Busy(1)));
        pace.Advance(50_000);
        Assert.True(pace.IsAhead(Busy(2)));
        _usedUp = 0.5;
        Assert.False(pace.IsAhead(Busy(3)));
    }

    [Fact]
    public void It_is_done_before_all_is_used_up()
    {
        CheckpointPace pace = Begun();
        pace.Advance(99_000);
        _usedUp = 0.8;
        Assert.False(pace.IsAhead(Busy(1)));
    }

    [Fact]
    public void It_lasts_no_longer_than_twenty_seconds_however_little_is_written()
    {
        CheckpointPace pace = Begun();
        pace.Advance(50_000);
        Assert.True(pace.IsAhead(Busy(9 * Second)));
        Assert.False(pace.IsAhead(Busy(11 * Second)));
    }

    [Fact]
    public void Nothing_waits_when_nobody_wants_the_devices()
    {
        CheckpointPace pace = Begun();
        pace.Advance(50_000);
        Assert.True(pace.IsAhead(Busy(1)));
        Assert.False(pace.IsAhead(Second));
    }

    [Fact]
    public void Nothing_waits_when_somebody_waits_for_it_or_when_it_is_little()
    {
        CheckpointPace pace = Begun();
        pace.Advance(50_000);
        pace.IsHurried = true;
        Assert.False(pace.IsAhead(Busy(1)));
        pace.IsHurried = false;
        pace.Begin(100, 0);
        pace.Advance(50);
        Assert.False(pace.IsAhead(Busy(2)));
    }

    [Fact]
    public void Who_falls_behind_takes_more_of_the_devices()
    {
        CheckpointPace pace = Begun();
        pace.Advance(50_000);
        int calm = pace.Width;
        _usedUp = 0.4;
        int behind = pace.Width;
        _usedUp = 0.6;
        Assert.True(calm < behind && behind < pace.Width, $"{calm}, {behind}, {pace.Width}");
    }

    private CheckpointPace Begun()
    {
        CheckpointPace pace = new(20_000_000) { UsedUp = () => _usedUp, Requests = () => _requests };
        pace.Begin(Changes, 0);
        return pace;
    }

    // A request of somebody else has come just before.
    private long Busy(long nowNanoseconds)
    {
        _requests++;
        return nowNanoseconds;
    }
}
