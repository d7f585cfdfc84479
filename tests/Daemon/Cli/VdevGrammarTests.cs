using Cstor.Daemon.Api;
using Cstor.Daemon.Cli;
using Xunit;

namespace Cstor.Tests.Daemon.Cli;

public sealed class VdevGrammarTests
{
    [Fact]
    public void Plain_devices_are_a_vdev_each()
    {
        Assert.Null(VdevGrammar.Parse(["/dev/a", "/dev/b"], out VdevRequest[] vdevs));
        Assert.Equal(["disk /dev/a", "disk /dev/b"], Describe(vdevs));
    }

    [Fact]
    public void A_mirror_goes_on_to_the_next_keyword()
    {
        Assert.Null(VdevGrammar.Parse(
            ["/d/a", "mirror", "/d/b", "/d/c", "/d/d", "mirror", "/d/e", "/d/f"], out VdevRequest[] vdevs));
        Assert.Equal(["disk /d/a", "mirror /d/b /d/c /d/d", "mirror /d/e /d/f"], Describe(vdevs));
    }

    [Theory]
    [InlineData("a mirror needs two devices or more, not 1", "mirror", "/d/a")]
    [InlineData("a mirror needs two devices or more, not 0", "/d/a", "mirror", "mirror", "/d/b", "/d/c")]
    [InlineData("/d/a is named twice", "/d/a", "mirror", "/d/a", "/d/b")]
    [InlineData("a raidz1 needs two devices or more, not 1", "raidz", "/d/a")]
    [InlineData("a raidz2 needs three devices or more, not 2", "raidz2", "/d/a", "/d/b", "log", "/d/c")]
    [InlineData("a raidz3 needs four devices or more, not 3", "raidz3", "/d/a", "/d/b", "/d/c")]
    [InlineData("'raidz4' is no layout of this version", "raidz4", "/d/a", "/d/b")]
    [InlineData("'draid2:4d' is no layout of this version", "draid2:4d", "/d/a", "/d/b")]
    [InlineData("'cache' is no layout of this version", "/d/a", "cache", "/d/b")]
    [InlineData("'special' is no layout of this version", "/d/a", "special", "mirror", "/d/b", "/d/c")]
    [InlineData("'dedup' is no layout of this version", "/d/a", "dedup", "/d/b")]
    [InlineData("'log' is followed by no device", "/d/a", "log")]
    [InlineData("'log' is followed by no device", "/d/a", "log", "spare", "/d/b")]
    [InlineData("a mirror needs two devices or more, not 1", "/d/a", "log", "mirror", "/d/b")]
    [InlineData("a log is a plain device or a mirror, not raidz1", "/d/a", "log", "raidz", "/d/b", "/d/c")]
    [InlineData("a spare is a single device, not a mirror", "/d/a", "spare", "mirror", "/d/b", "/d/c")]
    [InlineData("a pool needs a device for data", "log", "/d/a", "spare", "/d/b")]
    [InlineData("/d/a is named twice", "/d/a", "spare", "/d/a")]
    [InlineData("a device name is empty", "")]
    [InlineData("a pool needs a device")]
    public void A_wrong_layout_is_named(string expected, params string[] words)
    {
        string? reason = VdevGrammar.Parse(words, out VdevRequest[] vdevs);
        Assert.StartsWith(expected, reason, StringComparison.Ordinal);
        Assert.Empty(vdevs);
    }

    [Fact]
    public void Raidz_is_raidz1_and_groups_may_be_mixed()
    {
        Assert.Null(VdevGrammar.Parse(
            ["raidz", "/d/a", "/d/b", "/d/c", "raidz3", "/d/d", "/d/e", "/d/f", "/d/g"],
            out VdevRequest[] vdevs));
        Assert.Equal(["raidz1 /d/a /d/b /d/c", "raidz3 /d/d /d/e /d/f /d/g"], Describe(vdevs));
    }

    [Fact]
    public void Behind_log_and_spare_stand_devices_of_that_role()
    {
        Assert.Null(VdevGrammar.Parse(
            ["raidz2", "/d/a", "/d/b", "/d/c", "log", "/d/l", "mirror", "/d/m", "/d/n", "spare", "/d/s",
                "/d/t"],
            out VdevRequest[] vdevs));
        Assert.Equal(
            ["raidz2 /d/a /d/b /d/c", "log disk /d/l", "log mirror /d/m /d/n", "spare disk /d/s",
                "spare disk /d/t"],
            Describe(vdevs));
    }

    [Fact]
    public void A_group_behind_spares_is_for_data_again()
    {
        Assert.Null(VdevGrammar.Parse(
            ["spare", "/d/s", "mirror", "/d/a", "/d/b", "log", "mirror", "/d/l", "/d/m"],
            out VdevRequest[] vdevs));
        Assert.Equal(["spare disk /d/s", "mirror /d/a /d/b", "log mirror /d/l /d/m"], Describe(vdevs));
    }

    [Fact]
    public void An_addition_needs_no_device_for_data()
    {
        Assert.Null(VdevGrammar.ParseAddition(["spare", "/d/s"], out VdevRequest[] vdevs));
        Assert.Equal(["spare disk /d/s"], Describe(vdevs));
    }

    [Theory]
    [InlineData("", "raidz1", "/d/a", "/d/b", "/d/c", "raidz1", "/d/d", "/d/e", "/d/f", "log", "/d/l")]
    [InlineData("raidz1 on 2 devices holds no more than a mirror; take 3 or more", "raidz", "/d/a", "/d/b")]
    [InlineData(
        "the pool survives 0 lost devices, like its weakest vdev: disk /d/a",
        "/d/a", "mirror", "/d/b", "/d/c")]
    public void What_one_may_not_expect_of_a_layout_is_a_note(string expected, params string[] words)
    {
        Assert.Null(VdevGrammar.Parse(words, out VdevRequest[] vdevs));
        Assert.Equal(expected, string.Join('\n', VdevGrammar.Notes(vdevs)));
    }

    [Fact]
    public void The_same_device_by_two_spellings_is_named_twice()
    {
        Assert.NotNull(VdevGrammar.Parse(["/d/a", "/d/../d/a"], out _));
    }

    [Fact]
    public void A_relative_path_becomes_absolute_and_a_bare_node_name_is_found()
    {
        Assert.Equal(Path.GetFullPath("x/disk0"), VdevGrammar.Resolve("x/disk0"));
        Assert.Equal("/dev/null", VdevGrammar.Resolve("null"));
    }

    [Fact]
    public void Of_a_device_that_a_pool_has_only_a_path_is_made_absolute()
    {
        Assert.Equal(Path.GetFullPath("x/disk0"), VdevGrammar.ResolveMember("x/disk0"));
        Assert.Equal("null", VdevGrammar.ResolveMember("null"));
    }

    private static string[] Describe(VdevRequest[] vdevs) =>
        [.. vdevs.Select(vdev =>
            $"{(vdev.Role == VdevRequest.Data ? "" : vdev.Role + " ")}{vdev.Kind} "
                + string.Join(' ', vdev.Devices))];
}
