using Cstor.Daemon.Vocabulary;
using Xunit;

namespace Cstor.Tests.Daemon.Vocabulary;

public sealed class SnapshotNamesTests
{
    [Theory]
    [InlineData("tank/db@monday", "tank", "db", "monday")]
    [InlineData("tank/db@2026-11-21T12:00:00Z", "tank", "db", "2026-11-21T12:00:00Z")]
    [InlineData("tank/a.b@_x", null, null, null)]
    [InlineData("tank/db", null, null, null)]
    [InlineData("tank@monday", null, null, null)]
    [InlineData("tank/db@", null, null, null)]
    [InlineData("@monday", null, null, null)]
    [InlineData("tank/DB@monday", null, null, null)]
    [InlineData("tank/db@mon day", null, null, null)]
    [InlineData("tank/db@a/b", null, null, null)]
    [InlineData("tank/db@a@b", null, null, null)]
    [InlineData("tank/db@a,b", null, null, null)]
    [InlineData("tank/db@a%b", null, null, null)]
    public void One_snapshot_is_taken_apart(string text, string? pool, string? volume, string? snapshot)
    {
        string? reason = SnapshotNames.Split(text, out string first, out string second, out string third);
        Assert.Equal(pool is null, reason is not null);
        if (pool is not null) Assert.Equal((pool, volume, snapshot), (first, second, third));
    }

    [Theory]
    [InlineData("tank/db@a", "a")]
    [InlineData("tank/db@a,b%c,%d,e%,%", "a b%c %d e% %")]
    [InlineData("tank/db@a,,b", null)]
    [InlineData("tank/db@a%b%c", null)]
    [InlineData("tank/db@a%-b", null)]
    [InlineData("tank/db", null)]
    public void Names_and_runs_are_chosen(string text, string? choices)
    {
        string? reason = SnapshotNames.SplitChoice(text, out _, out _, out string[] found);
        Assert.Equal(choices is null, reason is not null);
        if (choices is not null) Assert.Equal(choices, string.Join(' ', found));
    }

    [Fact]
    public void A_name_has_63_characters_at_most()
    {
        Assert.Null(SnapshotNames.Check(new string('a', 63)));
        Assert.Contains("longer than 63", SnapshotNames.Check(new string('a', 64)), StringComparison.Ordinal);
    }
}
