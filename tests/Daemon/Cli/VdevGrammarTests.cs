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
    [InlineData("raidz2 groups are not supported", "raidz2", "/d/a", "/d/b", "/d/c")]
    [InlineData("log groups are not supported", "/d/a", "log", "/d/b")]
    [InlineData("spare groups are not supported", "/d/a", "spare", "/d/b")]
    [InlineData("a device name is empty", "")]
    [InlineData("a pool needs a device")]
    public void A_wrong_layout_is_named(string expected, params string[] words)
    {
        string? reason = VdevGrammar.Parse(words, out VdevRequest[] vdevs);
        Assert.StartsWith(expected, reason, StringComparison.Ordinal);
        Assert.Empty(vdevs);
    }

    [Fact]
    public void What_is_not_supported_says_what_is()
    {
        Assert.Contains(
            "mirror DEV DEV...", VdevGrammar.Parse(["raidz", "/d/a"], out _), StringComparison.Ordinal);
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

    private static string[] Describe(VdevRequest[] vdevs) =>
        [.. vdevs.Select(vdev => $"{vdev.Kind} {string.Join(' ', vdev.Devices)}")];
}
