using System.CommandLine;
using System.CommandLine.Parsing;
using System.Diagnostics;
using Cstor.Daemon.Cli;
using Cstor.Tests.Tidy;
using Xunit;
using Xunit.Abstractions;

namespace Cstor.Tests.EndToEnd;

/// <summary>Types commands that must succeed, and knows which of all there are have been typed.</summary>
internal sealed class Walk(ITestOutputHelper output)
{
    private static readonly RootCommand Root = CommandLine.Build(CliContext.Process());

    private readonly HashSet<string> _walked = [];

    /// <summary>Every command that does something, as it is typed.</summary>
    public static IEnumerable<string> All => Leaves(Root, "");

    public IEnumerable<string> Missing => All.Except(_walked);

    /// <summary>Types one command; its words are parted by spaces.</summary>
    /// <returns>What it printed.</returns>
    public string Do(DaemonFixture daemon, string words) =>
        Do(daemon, words.Split(' ', StringSplitOptions.RemoveEmptyEntries));

    public string Do(DaemonFixture daemon, string[] words)
    {
        Note(words);
        Stopwatch took = Stopwatch.StartNew();
        string printed = daemon.CliOk(words);
        output.WriteLine($"{took.ElapsedMilliseconds,6} ms  cstor {string.Join(' ', words)}");
        return printed;
    }

    /// <summary>Types a line of shell in which <c>cstor</c> stands for the program and its socket.</summary>
    public void Shell(DaemonFixture daemon, string line)
    {
        string program = $"CSTOR_SOCKET='{daemon.SocketPath}' '{Machine.DaemonPath}'";
        foreach (string[] words in DocumentedCommand.Commands(line)) Note(words);
        string typed = line.Replace("cstor ", program + " ", StringComparison.Ordinal);
        ToolResult result = Tool.Run("sh", ["-c", typed]);
        Assert.True(result.ExitCode == 0, $"{line}: {result}\n{daemon.Log()}");
        output.WriteLine($"           {line}");
    }

    /// <summary>It was typed in another way.</summary>
    public void Note(params string[] words)
    {
        List<string> path = [];
        CommandResult? at = Root.Parse(words).CommandResult;
        for (; at?.Parent is not null; at = at.Parent as CommandResult) path.Insert(0, at.Command.Name);
        _walked.Add(string.Join(' ', path));
    }

    private static IEnumerable<string> Leaves(Command command, string path)
    {
        bool isLeaf = command.Action is not null || command.Subcommands.Count == 0;
        if (isLeaf && path.Length > 0) yield return path;
        foreach (Command child in command.Subcommands.Where(static child => !child.Hidden))
        {
            foreach (string leaf in Leaves(child, $"{path} {child.Name}".Trim())) yield return leaf;
        }
    }
}
