using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Cstor.Daemon.Api;
using Cstor.Engine.Host;

namespace Cstor.Daemon.Cli;

/// <summary>
/// Options that many commands share, and how a command asks the daemon and shows the answer.
/// </summary>
internal sealed class CommandBuilder(CliContext context)
{
    /// <summary>Where the daemon listens; understood before and after the verbs.</summary>
    public Option<string> Socket { get; } = new("--socket")
    {
        Description = "Unix socket of the daemon",
        HelpName = "PATH",
        Recursive = true,
        DefaultValueFactory = _ =>
            context.Environment("CSTOR_SOCKET") is { Length: > 0 } path ? path : CliContext.DefaultSocket,
    };

    public Option<bool> Json { get; } = new("--json") { Description = "Print JSON" };

    public Option<bool> DryRun { get; } =
        new("--dry-run", "-n") { Description = "Say what would happen, change nothing" };

    public static Option<bool> Force(string what) => new("--force", "-f") { Description = what };

    /// <summary>Asks, then prints JSON or what <paramref name="print"/> makes of the answer.</summary>
    public Task<int> ShowAsync<TReply>(
        ParseResult parse, string path, JsonTypeInfo<TReply> type, JsonTypeInfo<TReply> indented,
        Action<TextWriter, TReply> print, CancellationToken cancel) =>
        ShowPartAsync(parse, path, type, Outcome<TReply>.Ok, indented, print, cancel);

    /// <summary>As <see cref="ShowAsync"/>, for a command that shows less than it asked for.</summary>
    public async Task<int> ShowPartAsync<TReply, TPart>(
        ParseResult parse, string path, JsonTypeInfo<TReply> type, Func<TReply, Outcome<TPart>> select,
        JsonTypeInfo<TPart> indented, Action<TextWriter, TPart> print, CancellationToken cancel)
    {
        using AdminClient client = Connect(parse);
        Outcome<TReply> reply = await client.GetAsync(path, type, cancel);
        if (!reply.IsOk) return Fail(reply.Fault);
        Outcome<TPart> part = select(reply.Value);
        if (!part.IsOk) return Fail(part.Fault);
        if (parse.GetValue(Json)) context.Out.WriteLine(JsonSerializer.Serialize(part.Value, indented));
        else print(context.Out, part.Value);
        return ExitCode.Done;
    }

    /// <summary>Asks for a change and prints what it did.</summary>
    public async Task<int> ChangeAsync<TRequest>(
        ParseResult parse, HttpMethod method, string path, TRequest request, JsonTypeInfo<TRequest> body,
        CancellationToken cancel)
    {
        using AdminClient client = Connect(parse);
        Outcome<ActionReport> reply = await client.ChangeAsync(method, path, request, body, cancel);
        if (!reply.IsOk) return Fail(reply.Fault);
        foreach (string line in reply.Value.Lines) context.Out.WriteLine(line);
        return ExitCode.Done;
    }

    /// <summary>The complaint of a command that could not do what it was told.</summary>
    public int Fail(Fault fault)
    {
        context.Error.WriteLine($"cstor: {fault}");
        return ExitCode.Failed;
    }

    private AdminClient Connect(ParseResult parse) =>
        new(Path.GetFullPath(parse.GetRequiredValue(Socket)), context.Patience);
}
