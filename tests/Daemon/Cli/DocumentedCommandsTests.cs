using System.CommandLine;
using System.Text.RegularExpressions;
using Cstor.Daemon.Cli;
using Cstor.Tests.Tidy;
using Xunit;

namespace Cstor.Tests.Daemon.Cli;

/// <summary>What the documents say can be typed, can be; and what can be typed, they say.</summary>
public sealed partial class DocumentedCommandsTests
{
    private static readonly RootCommand Root = CommandLine.Build(CliContext.Process());

    [Fact]
    public void Every_command_of_the_documents_exists_with_its_options()
    {
        DocumentedCommand[] all = [.. DocumentedCommand.All()];
        Assert.True(all.Length > 150, $"{all.Length} found");
        Assert.Empty(all.SelectMany(Complaints));
    }

    [Theory]
    [InlineData("    cstor pool lst", "there is no")]
    [InlineData("    cstor pool list --jsn", "--jsn")]
    [InlineData("    sudo cstor pool create tank", "VDEV")]
    [InlineData("    cstor volume send tank/db@a | ssh other cstor volume recieve b", "there is no")]
    [InlineData("see `cstor pool [-x] scrub` and more", "-x")]
    [InlineData("| `cstor debug label\\|leaf DEV` | prints |", "there is no")]
    public void What_is_wrong_is_found(string line, string complaint)
    {
        SourceFile document = new("planted.md", line);
        Assert.Contains(
            DocumentedCommand.Of(document).SelectMany(Complaints),
            found => found.Contains(complaint, StringComparison.Ordinal));
    }

    [Fact]
    public void Every_command_is_in_the_table_of_the_readme()
    {
        string[] rows = [.. File.ReadLines(Path.Combine(SourceTree.Root, "README.md"))
            .Where(static line => line.StartsWith("| `cstor ", StringComparison.Ordinal))];
        foreach (string[] path in Leaves(Root, []))
        {
            string first = path[0];
            Assert.True(
                rows.Any(row => row.Contains($"`cstor {first}", StringComparison.Ordinal)
                    && path.Skip(1).All(word => Regex.IsMatch(row, $@"\b{Regex.Escape(word)}\b"))),
                $"cstor {string.Join(' ', path)} is not in the table of README.md");
        }
    }

    internal static IEnumerable<string[]> Leaves(Command command, string[] path)
    {
        bool isLeaf = command.Action is not null || command.Subcommands.Count == 0;
        if (isLeaf && path.Length > 0) yield return path;
        foreach (Command child in command.Subcommands.Where(static child => !child.Hidden))
        {
            foreach (string[] leaf in Leaves(child, [.. path, child.Name])) yield return leaf;
        }
    }

    private static IEnumerable<string> Complaints(DocumentedCommand documented)
    {
        string typed = $"{documented.Place}: cstor {string.Join(' ', documented.Words)}";
        if (documented.IsLiteral && !documented.Words.Contains("--help"))
        {
            return Root.Parse(documented.Words).Errors
                .Select(error => $"{typed}: {Explain(documented, error)}");
        }
        List<string> complaints = [];
        Command[] commands = [Root];
        foreach (string word in documented.Words)
        {
            if (word.StartsWith('-') || word.StartsWith('[') || commands[0].Subcommands.Count == 0) continue;
            Command[] next = [.. word.Split('|').SelectMany(
                name => commands[0].Subcommands.Where(child => child.Name == name))];
            bool isKnown = next.Length == word.Split('|').Length;
            bool isWanted = commands[0].Action is null && IsName(word);
            if (!isKnown && isWanted) complaints.Add($"{typed}: there is no {word}");
            if (!isKnown) break;
            commands = next;
        }
        string[] known = [.. commands.SelectMany(AllOptions)];
        complaints.AddRange(Options().Matches(string.Join(' ', documented.Words))
            .Select(static match => match.Value)
            .Where(option => !known.Contains(option))
            .Select(option => $"{typed}: {commands[0].Name} has no {option}"));
        return complaints;
    }

    private static string Explain(DocumentedCommand documented, System.CommandLine.Parsing.ParseError error)
    {
        Command reached = Root.Parse(documented.Words).CommandResult.Command;
        string missing = string.Join(' ', reached.Arguments.Select(static argument => argument.Name));
        return reached.Subcommands.Count > 0 && reached.Action is null
            ? $"there is no such command of {reached.Name}"
            : $"{error.Message} ({missing})";
    }

    private static bool IsName(string word) =>
        word.All(static c => char.IsAsciiLetterLower(c) || c is '-' or '|');

    private static IEnumerable<string> AllOptions(Command command) => command.Options
        .Concat(command.Parents.OfType<Command>().SelectMany(Inherited))
        .SelectMany(static option => option.Aliases.Append(option.Name))
        .Concat(["--help", "--version"]);

    private static IEnumerable<Option> Inherited(Command command) => command.Options
        .Where(static option => option.Recursive)
        .Concat(command.Parents.OfType<Command>().SelectMany(Inherited));

    [GeneratedRegex(@"(?<![\w/.:=%-])--?[a-zA-Z][\w-]*")]
    private static partial Regex Options();
}
