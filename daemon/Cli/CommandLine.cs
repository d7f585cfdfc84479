using System.CommandLine;
using System.CommandLine.Parsing;

namespace Cstor.Daemon.Cli;

/// <summary>
/// The command line: the tree of verbs, and what all of them share. A command that was mistyped explains
/// itself on stderr and ends with 2 before anything was asked of the daemon.
/// </summary>
internal static class CommandLine
{
    public static async Task<int> RunAsync(string[] arguments, CliContext context)
    {
        ParseResult parse = Build(context).Parse(arguments);
        if (parse.Errors.Count > 0 && parse.Action is not null and not System.CommandLine.Help.HelpAction)
        {
            return WriteUsageErrors(parse, context.Error);
        }
        InvocationConfiguration invocation = new()
        {
            Output = context.Out,
            Error = context.Error,
            EnableDefaultExceptionHandler = false,
            ProcessTerminationTimeout = null,
        };
        return await parse.InvokeAsync(invocation);
    }

    public static RootCommand Build(CliContext context)
    {
        CommandBuilder builder = new(context);
        RootCommand root = new("Pools of raw disks, served as iSCSI volumes.")
        {
            DaemonCommand.Build(context, builder.Socket),
            new ConfigCommands(builder).Build(),
            new PoolCommands(builder).Build(),
            new VolumeCommands(builder).Build(),
            new SnapshotCommands(builder).Build(),
            new CloneCommand(builder).Build(),
            new ReplicaCommands(builder).Build(),
            new PeerCommands(builder).Build(),
            new TargetCommands(builder).Build(),
            new JobCommands(builder).Build(),
            new ListCommands(builder).BuildDisk(),
            new DebugCommands(context, builder).Build(),
        };
        root.Add(builder.Socket);
        new NameCompletion(builder).AddTo(root);
        return root;
    }

    /// <summary>Every complaint with where it belongs, then where to read on.</summary>
    private static int WriteUsageErrors(ParseResult parse, TextWriter error)
    {
        foreach (string message in parse.Errors.Select(Explain).Distinct())
        {
            error.WriteLine($"cstor: {message}");
        }
        error.WriteLine($"Try: {Path(parse.CommandResult)} --help");
        return ExitCode.Usage;
    }

    /// <summary>The parser does not say which argument is missing.</summary>
    private static string Explain(ParseError error) =>
        error.SymbolResult is ArgumentResult { Tokens.Count: 0, Argument: var argument }
            ? $"{argument.Name} is missing: {argument.Description}"
            : error.Message;

    private static string Path(CommandResult result) => result.Parent is CommandResult parent
        ? $"{Path(parent)} {result.Command.Name}"
        : "cstor";
}
