using System.CommandLine;
using System.CommandLine.Completions;
using Cstor.Daemon.Api;
using Cstor.Engine.Host;
using Cstor.Engine.Pools;

namespace Cstor.Daemon.Cli;

/// <summary>
/// Names of what there is, for the shell's completion: arguments are told by how they are called in the help.
/// The daemon is asked with little patience; without one, nothing is proposed.
/// </summary>
internal sealed class NameCompletion(CommandBuilder builder)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    /// <summary>
    /// Gives the arguments of a command, and of all below it, what can be proposed for them.
    /// </summary>
    public void AddTo(Command command)
    {
        foreach (Argument argument in command.Arguments)
        {
            Func<ParseResult, IEnumerable<string>>? names = argument.Name switch
            {
                "POOL" when command.Name is not ("create" or "import") => Pools,
                "POOL/VOL@SNAP" when command.Name == "snapshot" =>
                    parse => Volumes(parse).Select(volume => volume + "@"),
                "POOL/NEW" => parse => Pools(parse).Select(pool => pool + "/"),
                "POOL[/VOL]" => parse => Pools(parse).Concat(Volumes(parse)),
                _ when argument.Name.StartsWith("POOL/VOL@", StringComparison.Ordinal) => Snapshots,
                _ when argument.Name.StartsWith("POOL/VOL", StringComparison.Ordinal)
                    && command.Name != "create" => Volumes,
                _ => null,
            };
            if (names is null) continue;
            // Else the help would ask the daemon, and show the names instead of the argument.
            argument.HelpName = argument.Name;
            argument.CompletionSources.Add(context => Matching(context, names));
        }
        foreach (Command child in command.Subcommands) AddTo(child);
    }

    private static IEnumerable<CompletionItem> Matching(
        CompletionContext context, Func<ParseResult, IEnumerable<string>> names) =>
        names(context.ParseResult)
            .Where(name => name.StartsWith(context.WordToComplete, StringComparison.Ordinal))
            .Select(name => new CompletionItem(name));

    private IEnumerable<string> Pools(ParseResult parse) => Ask(
        parse, Routes.Pools, ReplyJson.Default.PoolStatusArray, (PoolStatus pool) => pool.Name);

    private IEnumerable<string> Volumes(ParseResult parse) => Ask(
        parse, Routes.Volumes, ReplyJson.Default.VolumeViewArray, (VolumeView volume) => volume.Name);

    private IEnumerable<string> Snapshots(ParseResult parse) => Ask(
        parse,
        Routes.Snapshots,
        ReplyJson.Default.SnapshotStatusArray,
        (SnapshotStatus snapshot) => snapshot.Name);

    /// <summary>The shell waits for the answer, and so does this thread.</summary>
    private IEnumerable<string> Ask<T>(
        ParseResult parse,
        string path,
        System.Text.Json.Serialization.Metadata.JsonTypeInfo<T[]> type,
        Func<T, string> name)
    {
        Outcome<T[]> reply =
            builder.AskAsync(parse, path, type, Patience, CancellationToken.None).GetAwaiter().GetResult();
        return reply.IsOk ? reply.Value.Select(name) : [];
    }
}
