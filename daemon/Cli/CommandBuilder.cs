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
    public CliContext Context => context;

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
        Show(parse, part.Value, indented, print);
        return ExitCode.Done;
    }

    /// <summary>Asks without showing anything.</summary>
    /// <param name="parse">For the socket.</param>
    /// <param name="path">What to ask for.</param>
    /// <param name="type">Of the answer.</param>
    /// <param name="patience">Instead of the usual one.</param>
    /// <param name="cancel">Ends the wait.</param>
    public async Task<Outcome<TReply>> AskAsync<TReply>(
        ParseResult parse, string path, JsonTypeInfo<TReply> type, TimeSpan? patience,
        CancellationToken cancel)
    {
        using AdminClient client = Connect(parse, patience);
        return await client.GetAsync(path, type, cancel);
    }

    /// <summary>Prints JSON or what <paramref name="print"/> makes of it.</summary>
    public void Show<T>(ParseResult parse, T value, JsonTypeInfo<T> indented, Action<TextWriter, T> print)
    {
        if (parse.GetValue(Json)) context.Out.WriteLine(JsonSerializer.Serialize(value, indented));
        else print(context.Out, value);
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

    /// <summary>Says what an operator may not expect; the command goes on.</summary>
    public void Note(string text) => context.Error.WriteLine($"note: {text}");

    /// <summary>The daemon that the command line names.</summary>
    public AdminClient Connect(ParseResult parse, TimeSpan? patience = null) =>
        new(Path.GetFullPath(parse.GetRequiredValue(Socket)), patience ?? context.Patience)
        {
            Command = TypedText.Of(parse, Socket.Name),
        };
}
