using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Cstor.Daemon.Api;
using Cstor.Daemon.Vocabulary;
using Cstor.Engine.Host;

namespace Cstor.Daemon.Cli;

/// <summary><c>cstor pool history|events</c>: who did what, and what happened.</summary>
internal sealed class PoolJournalCommands(CommandBuilder builder)
{
    public IEnumerable<Command> Build() => [BuildHistory(), BuildEvents()];

    private Command BuildHistory()
    {
        Argument<string> pool = OptionalPool();
        Option<int> last = Last();
        Command command = new(
            "history",
            "Every change that somebody asked this daemon for: when, who, what, and what became of it."
                + "\n\nExample: cstor pool history tank")
        {
            last, builder.Json, pool,
        };
        command.SetAction((parse, cancel) => builder.ShowAsync(
            parse,
            Path(Routes.History, parse.GetValue(pool), "last", parse.GetValue(last)),
            ReplyJson.Default.HistoryEntryArray,
            ReplyJson.Indented.HistoryEntryArray,
            JournalPrinter.WriteHistory,
            cancel));
        return command;
    }

    private Command BuildEvents()
    {
        Argument<string> pool = OptionalPool();
        Option<int> last = Last();
        Option<bool> follow = new("--follow", "-f")
        {
            Description = "Go on with what happens from now on; with --json a line for each",
        };
        Command command = new(
            "events",
            "What happened: faults, devices that went and came, scrubs, imports, logins, changes."
                + "\n\nExample: cstor pool events --follow tank")
        {
            follow, last, builder.Json, pool,
        };
        command.SetAction((parse, cancel) => parse.GetValue(follow)
            ? FollowAsync(parse, parse.GetValue(pool), parse.GetValue(last), cancel)
            : builder.ShowAsync(
                parse,
                Path(Routes.Events, parse.GetValue(pool), "last", parse.GetValue(last)),
                ReplyJson.Default.EventEntryArray,
                ReplyJson.Indented.EventEntryArray,
                JournalPrinter.WriteEvents,
                cancel));
        return command;
    }

    /// <summary>The last ones, then those that come; none is missed in between, none shown twice.</summary>
    private async Task<int> FollowAsync(ParseResult parse, string? pool, int last, CancellationToken cancel)
    {
        using AdminClient client = builder.Connect(parse, Timeout.InfiniteTimeSpan);
        Outcome<EventEntry[]> before = await client.GetAsync(
            Path(Routes.Events, pool, "last", 0), ReplyJson.Default.EventEntryArray, cancel);
        if (!before.IsOk) return builder.Fail(before.Fault);
        bool isJson = parse.GetValue(builder.Json);
        EventEntry[] shown = last == 0 ? before.Value : [.. before.Value.TakeLast(last)];
        foreach (EventEntry entry in shown) Write(entry, isJson);
        long after = before.Value.Length == 0 ? 0 : before.Value[^1].Sequence;
        Fault? fault = await client.FollowAsync(
            Path(Routes.EventsFollow, pool, "after", after),
            ReplyJson.Default.EventEntry,
            entry => Write(entry, isJson),
            cancel);
        return fault is null ? ExitCode.Done : builder.Fail(fault);
    }

    private void Write(EventEntry entry, bool isJson)
    {
        TextWriter output = builder.Context.Out;
        if (isJson) output.WriteLine(JsonSerializer.Serialize(entry, ReplyJson.Default.EventEntry));
        else JournalPrinter.WriteEvent(output, entry);
        output.Flush();
    }

    private static string Path(string route, string? pool, string key, long number)
    {
        string path = string.Create(CultureInfo.InvariantCulture, $"{route}?{key}={number}");
        return pool is null ? path : $"{path}&pool={Uri.EscapeDataString(pool)}";
    }

    private static Argument<string> OptionalPool()
    {
        Argument<string> pool = ArgumentReaders.Text(
            "POOL", "Only what is about this pool", Names.CheckPool);
        pool.Arity = ArgumentArity.ZeroOrOne;
        return pool;
    }

    private static Option<int> Last()
    {
        Option<int> last = new("--last")
        {
            Description = "At most so many, the newest; 0 for all that are kept; default 50",
            HelpName = "COUNT",
            DefaultValueFactory = _ => 50,
        };
        last.Validators.Add(result =>
        {
            if (!result.Errors.Any() && result.GetValueOrDefault<int>() < 0)
            {
                result.AddError("--last: give 0 or more");
            }
        });
        return last;
    }
}
