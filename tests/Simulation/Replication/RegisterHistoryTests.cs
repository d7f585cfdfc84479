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

    [Fact]
    public void A_conditional_write_replaces_what_it_expected_with_nothing_in_between()
    {
        Assert.Null(RegisterHistory.Reason(
            [Write(5, 0, 1), Replace(5, 6, 2, 4), Read(5, 2, 3), Read(6, 3, 5)]));
        Assert.Null(RegisterHistory.Reason([Replace(0, 5, 0, 9), Replace(5, 6, 0, 9), Read(6, 5, 6)]));
        // Another one was there before it began, or came after what was expected was seen again.
        Assert.NotNull(RegisterHistory.Reason([Write(5, 0, 1), Write(6, 2, 3), Replace(5, 7, 4, 5)]));
        Assert.NotNull(RegisterHistory.Reason([Write(5, 0, 1), Replace(5, 6, 2, 3), Read(5, 4, 5)]));
        Assert.NotNull(RegisterHistory.Reason(
            [Write(5, 0, 1), Replace(5, 6, 2, 9), Write(7, 3, 4), Read(5, 5, 6), Read(6, 10, 11)]));
    }

    [Fact]
    public void Of_two_conditional_writes_over_the_same_value_one_has_an_effect()
    {
        Assert.NotNull(RegisterHistory.Reason([Write(5, 0, 1), Replace(5, 6, 2, 4), Replace(5, 7, 2, 4)]));
        ClusterOperation mismatch = Replace(5, 7, 2, 4);
        mismatch.IsMismatch = true;
        Assert.Null(RegisterHistory.Reason([Write(5, 0, 1), Replace(5, 6, 2, 4), mismatch]));
        Assert.NotNull(RegisterHistory.Reason([Write(5, 0, 1), mismatch, Read(7, 5, 6)]));
        Assert.NotNull(RegisterHistory.Reason([Write(5, 0, 1), mismatch, Read(5, 5, 6)]));
    }

    [Fact]
    public void A_conditional_write_without_an_answer_may_have_had_an_effect_or_not()
    {
        ClusterOperation open = Replace(5, 6, 2, long.MaxValue);
        Assert.Null(RegisterHistory.Reason([Write(5, 0, 1), open, Read(5, 4, 5), Replace(5, 7, 6, 7)]));
        Assert.Null(RegisterHistory.Reason([Write(5, 0, 1), open, Read(6, 4, 5)]));
        Assert.NotNull(RegisterHistory.Reason([Write(5, 0, 1), open, Replace(5, 7, 2, 3), Read(6, 4, 5)]));
        ClusterOperation refused = Replace(5, 6, 2, long.MaxValue);
        refused.IsRefused = true;
        Assert.NotNull(RegisterHistory.Reason([Write(5, 0, 1), refused, Read(6, 4, 5)]));
    }

    private static ClusterOperation Replace(ulong expected, ulong value, long invoked, long answered) => new()
    {
        IsWrite = true,
        Expected = expected,
        Value = value,
        InvokedNanoseconds = invoked,
        AnsweredNanoseconds = answered,
    };

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
