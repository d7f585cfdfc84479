using Xunit;

namespace Cstor.Tests.Simulation.Replication;

public sealed class RegisterHistoryTests
{
    [Fact]
    public void What_happened_one_after_the_other_is_right() =>
        Assert.Null(RegisterHistory.Reason(
            [Read(0, 0, 1), Write(5, 2, 3), Read(5, 4, 5), Write(6, 6, 7), Read(6, 8, 9)]));

    [Fact]
    public void A_read_beside_a_write_may_see_either()
    {
        Assert.Null(RegisterHistory.Reason([Write(5, 2, 10), Read(0, 3, 4), Read(5, 5, 6)]));
        Assert.NotNull(RegisterHistory.Reason([Write(5, 2, 10), Read(5, 3, 4), Read(0, 5, 6)]));
    }

    [Fact]
    public void A_stale_read_is_wrong() =>
        Assert.NotNull(RegisterHistory.Reason([Write(5, 0, 1), Write(6, 2, 3), Read(5, 4, 5)]));

    [Fact]
    public void A_write_that_nobody_acknowledged_may_show_or_not_but_not_come_and_go()
    {
        Assert.Null(RegisterHistory.Reason([Write(5, 0, 1), Write(6, 2, long.MaxValue), Read(5, 4, 5)]));
        Assert.Null(RegisterHistory.Reason([Write(5, 0, 1), Write(6, 2, long.MaxValue), Read(6, 4, 5)]));
        Assert.NotNull(RegisterHistory.Reason(
            [Write(5, 0, 1), Write(6, 2, long.MaxValue), Read(6, 4, 5), Read(5, 6, 7)]));
    }

    [Fact]
    public void A_lost_write_is_wrong() =>
        Assert.NotNull(RegisterHistory.Reason([Write(5, 1, 2), Read(0, 3, 4)]));

    [Fact]
    public void A_value_from_nowhere_or_from_the_future_is_wrong()
    {
        Assert.NotNull(RegisterHistory.Reason([Read(9, 3, 4)]));
        Assert.NotNull(RegisterHistory.Reason([Read(5, 3, 4), Write(5, 5, 6)]));
    }

    private static ClusterOperation Write(ulong value, long invoked, long answered) => new()
    {
        IsWrite = true,
        Value = value,
        InvokedNanoseconds = invoked,
        AnsweredNanoseconds = answered,
    };

    private static ClusterOperation Read(ulong value, long invoked, long answered) => new()
    {
        Value = value,
        InvokedNanoseconds = invoked,
        AnsweredNanoseconds = answered,
    };
}
