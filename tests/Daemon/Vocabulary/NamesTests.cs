using Cstor.Daemon.Vocabulary;
using Xunit;

namespace Cstor.Tests.Daemon.Vocabulary;

public sealed class NamesTests
{
    [Theory]
    [InlineData("tank")]
    [InlineData("t")]
    [InlineData("tank-2")]
    public void A_pool_name_is_lower_case_letters_digits_and_hyphens(string name) =>
        Assert.Null(Names.CheckPool(name));

    [Theory]
    [InlineData("")]
    [InlineData("Tank")]
    [InlineData("2tank")]
    [InlineData("-tank")]
    [InlineData("ta.nk")]
    [InlineData("ta_nk")]
    [InlineData("ta nk")]
    [InlineData("tänk")]
    [InlineData("ta/nk")]
    [InlineData("mirror")]
    [InlineData("log")]
    [InlineData("a123456789012345678901234567890123456789012345678901234567890123")]
    public void Other_pool_names_are_refused(string name) => Assert.NotNull(Names.CheckPool(name));

    [Fact]
    public void A_volume_is_pool_slash_name()
    {
        Assert.Null(Names.Split("tank/pvc-1.2", out string pool, out string volume));
        Assert.Equal(("tank", "pvc-1.2"), (pool, volume));
        Assert.Equal("iqn.2026-11.io.cstor:tank.pvc-1.2", Names.Target(pool, volume));
    }

    [Theory]
    [InlineData("tank")]
    [InlineData("/db")]
    [InlineData("tank/")]
    [InlineData("tank/a/b")]
    [InlineData("tank/A")]
    [InlineData("Tank/a")]
    public void Other_volume_names_are_refused(string text) =>
        Assert.NotNull(Names.Split(text, out _, out _));

    [Fact]
    public void The_longest_names_fit_an_iscsi_name()
    {
        string pool = new('p', Names.PoolMaximum);
        string volume = new('v', Names.VolumeMaximum);
        Assert.Null(Names.Split($"{pool}/{volume}", out _, out _));
        Assert.True(Names.Target(pool, volume).Length <= 223);
    }
}
