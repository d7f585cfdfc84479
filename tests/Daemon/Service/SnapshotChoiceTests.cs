using Cstor.Daemon.Service;
using Xunit;

namespace Cstor.Tests.Daemon.Service;

public sealed class SnapshotChoiceTests
{
    private static readonly string[] All = ["a", "b", "c", "d", "e"];

    [Theory]
    [InlineData("c", "c", "c-c")]
    [InlineData("b%d", "b c d", "b-d")]
    [InlineData("%b", "a b", "a-b")]
    [InlineData("d%", "d e", "d-e")]
    [InlineData("%", "a b c d e", "a-e")]
    [InlineData("e,a", "a e", "a-a e-e")]
    [InlineData("a,b,d", "a b d", "a-b d-d")]
    [InlineData("a%c,b%d,d", "a b c d", "a-d")]
    public void Neighbours_make_runs_whatever_the_order_they_are_named_in(
        string choices, string chosen, string runs)
    {
        Assert.Null(SnapshotChoice.Find(All, choices.Split(','), out SnapshotChoice found));
        Assert.Equal(chosen, string.Join(' ', found.Places.Select(place => All[place])));
        Assert.Equal(runs, string.Join(' ', found.Runs.Select(run => $"{run.First}-{run.Last}")));
    }

    [Theory]
    [InlineData("x", "there is no snapshot 'x'")]
    [InlineData("a%x", "there is no snapshot 'x'")]
    [InlineData("a,x%", "there is no snapshot 'x'")]
    [InlineData("d%b", "'d' is newer than 'b': write b%d")]
    [InlineData("a%b%c", "no run")]
    public void What_cannot_be_meant_is_explained(string choices, string reason) =>
        Assert.Contains(
            reason, SnapshotChoice.Find(All, choices.Split(','), out _), StringComparison.Ordinal);

    [Fact]
    public void Of_nothing_nothing_can_be_chosen() =>
        Assert.Equal("there are no snapshots", SnapshotChoice.Find([], ["%"], out _));
}
