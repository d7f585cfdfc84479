using Cstor.Daemon.Cli;
using Xunit;

namespace Cstor.Tests.Daemon.Cli;

public sealed class TextTableTests
{
    [Fact]
    public void Columns_are_aligned_and_lines_end_with_text()
    {
        TextTable table = new("NAME", ">SIZE", "HEALTH");
        table.Add("tank", "10G", "online");
        table.Add("a-longer-name", "1.50T", "");
        Assert.Equal(
            """
            NAME            SIZE  HEALTH
            tank             10G  online
            a-longer-name  1.50T  -

            """,
            Written(table));
    }

    [Fact]
    public void Control_characters_do_not_reach_the_terminal()
    {
        TextTable table = new("MODEL");
        table.Add("evil\u001b[2J\nmodel");
        Assert.Equal("MODEL\nevil?[2J?model\n", Written(table));
    }

    [Fact]
    public void A_row_has_a_cell_for_each_column()
    {
        TextTable table = new("A", "B");
        Assert.Throws<ArgumentException>(() => table.Add("only one"));
    }

    private static string Written(TextTable table)
    {
        StringWriter writer = new();
        table.Write(writer);
        return writer.ToString();
    }
}
