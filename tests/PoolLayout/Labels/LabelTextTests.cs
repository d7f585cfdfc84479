using Cstor.PoolLayout.Labels;
using Xunit;

namespace Cstor.Tests.PoolLayout.Labels;

public sealed class LabelTextTests
{
    [Fact]
    public void The_text_is_the_golden_one() =>
        Assert.Equal(SampleLabel.Text, LabelText.Print(SampleLabel.Label));

    [Fact]
    public void What_is_printed_is_read_back()
    {
        Assert.Null(LabelTextReader.TryParse(SampleLabel.Text, out PoolLabel? label));
        Assert.Equal(SampleLabel.Text, LabelText.Print(label!));
        Assert.Equal("/dev/50%\nüse", label!.Vdevs[0].Children[1].Path);
    }

    [Theory]
    [InlineData("cstor pool label", "cstor pool labels", "line 1: the first line is not 'cstor pool label'")]
    [InlineData("version=2", "version=3", "line 3: format version 3, this program knows 2")]
    [InlineData("version=2", "version=02", "line 3: 'version' is no number up to 4294967295: '02'")]
    [InlineData("pool=tank", "pool=-tank", "the pool name '-tank' does not begin with a letter")]
    [InlineData("pool=tank", "pol=tank", "line 5: expected 'pool', found 'pol=tank'")]
    [InlineData("state=active", "state=asleep", "line 8: 'state' has the unknown value 'asleep'")]
    [InlineData("generation=42", "generation=0", "generation 0")]
    [InlineData("generation=42", "generation=99999999999999999999",
        "line 9: 'generation' is no number up to 18446744073709551615: '99999999999999999999'")]
    [InlineData("branches=0000000000000b0b", "branches=b0b",
        "line 10: 'branches' is no list of branches: 'b0b,fedcba9876543210'")]
    [InlineData("branches=0000000000000b0b", "branches=0000000000000000", "branch 0")]
    [InlineData("device-guid=0000000b", "device-guid=0000000d",
        "own device 0000000d-0000-0000-0000-000000000000 is not in the tree")]
    [InlineData("host-id=00000002", "host-id=0000000A", "line 13: 'host-id' is no guid")]
    [InlineData("vdevs=3", "vdevs=4", "expected vdev 3 of 4, found the end")]
    [InlineData("vdevs=3", "vdevs=2", "unexpected 'vdev'")]
    [InlineData("kind=mirror", "kind=mirr0r", "'kind' has the unknown value 'mirr0r'")]
    [InlineData("kind=mirror", "kind=disk", "vdev 0: disk with children")]
    [InlineData("  id=1\n  guid", "  id=3\n  guid", "vdev 1 calls itself 3")]
    [InlineData("path=/dev/sdc\n", "path=/dev/sdc\n  colour=red\n",
        "expected vdev 2 of 3, found '  colour=red'")]
    [InlineData("%0A", "%0a", "'path' has a character or escape that does not belong there")]
    [InlineData("0000000c-", "0000000b-", "disk 0000000b-0000-0000-0000-000000000000 is in the tree twice")]
    [InlineData("missing-from=1\n", "missing-from=1", "text does not end with a newline")]
    public void What_is_not_as_printed_is_refused_with_the_reason(string from, string to, string reason)
    {
        string text = SampleLabel.Text.Replace(from, to, StringComparison.Ordinal);
        Assert.NotEqual(SampleLabel.Text, text);

        Assert.Contains(
            reason, LabelTextReader.TryParse(text, out PoolLabel? label), StringComparison.Ordinal);
        Assert.Null(label);
    }

    [Fact]
    public void Every_line_is_needed()
    {
        string[] lines = SampleLabel.Text.Split('\n');
        for (int i = 0; i < lines.Length - 1; i++)
        {
            string text = string.Join('\n', lines.Where((_, index) => index != i));
            string? reason = LabelTextReader.TryParse(text, out PoolLabel? label);
            bool isOptional = lines[i].Contains("state=", StringComparison.Ordinal)
                || lines[i].Contains("missing-from=", StringComparison.Ordinal)
                || lines[i].Contains("path=", StringComparison.Ordinal)
                || lines[i].Contains("role=", StringComparison.Ordinal);
            Assert.True(isOptional && i > 12 ? label is not null : reason is not null, lines[i]);
        }
    }

    [Fact]
    public void An_unknown_feature_is_named_whatever_else_has_changed()
    {
        string text = SampleLabel.Text.Replace(
            "features=\nwrite", "features=wormholes\nwrite", StringComparison.Ordinal)
            .Replace("state=active", "state=entangled", StringComparison.Ordinal);

        Assert.Contains(
            "pool tank (00000001-0000-0000-0000-000000000000) uses feature 'wormholes'",
            LabelTextReader.TryParse(text, out _),
            StringComparison.Ordinal);
    }

    [Fact]
    public void The_lines_of_an_unknown_write_feature_are_skipped_and_those_of_no_feature_are_not()
    {
        string text = SampleLabel.Text
            .Replace("write-features=", "write-features=trees", StringComparison.Ordinal)
            .Replace("vdevs=3\n", "vdevs=3\ntrees.height=7\n", StringComparison.Ordinal)
            .Replace("path=/dev/sdc\n", "path=/dev/sdc\n  trees.leaf=green\n", StringComparison.Ordinal);

        Assert.Null(LabelTextReader.TryParse(text, out PoolLabel? label));
        Assert.Equal(("trees", null), (label!.UnknownWriteFeature, label.UnknownFeature));
        string foreign = text.Replace("trees.leaf", "birds.nest", StringComparison.Ordinal);
        Assert.Contains("birds.nest", LabelTextReader.TryParse(foreign, out _), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("tank")]
    [InlineData("Tank-2_a.b")]
    public void Ordinary_names_are_pool_names(string name) => Assert.Null(PoolLabel.CheckPoolName(name));

    [Theory]
    [InlineData("")]
    [InlineData("9tank")]
    [InlineData("ta nk")]
    [InlineData("ta/nk")]
    [InlineData("mirror")]
    [InlineData("tänk")]
    public void Names_that_would_confuse_are_not(string name) =>
        Assert.NotNull(PoolLabel.CheckPoolName(name));
}
