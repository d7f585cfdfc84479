using System.CommandLine;
using Cstor.Daemon.Api;
using Cstor.Daemon.Service;
using Cstor.Daemon.Vocabulary;
using Cstor.Engine.Host;
using Cstor.Engine.Pools;

namespace Cstor.Daemon.Cli;

/// <summary><c>cstor pool scrub|wait|check</c>: what reads a whole pool.</summary>
internal sealed class PoolScanCommands(CommandBuilder builder)
{
    public IEnumerable<Command> Build() => [BuildScrub(), BuildWait(), BuildCheck()];

    private Command BuildScrub()
    {
        Argument<string[]> pools = new("POOL")
        {
            Description = "Names or guids",
            Arity = ArgumentArity.OneOrMore,
        };
        pools.Validators.Add(result =>
        {
            foreach (System.CommandLine.Parsing.Token token in result.Tokens)
            {
                if (Guid.TryParse(token.Value, out _)) continue;
                if (Names.CheckPool(token.Value) is { } reason) result.AddError(reason);
            }
        });
        Option<bool> pause =
            new("--pause", "-p") { Description = "Pause it; it is remembered how far it came" };
        Option<bool> stop = new("--stop", "-s") { Description = "Give it up" };
        Option<bool> wait =
            new("--wait", "-w") { Description = "Wait for its end; exit status 1 if it did not end well" };
        Command command = new(
            "scrub",
            "Read all that is stored and repair what is wrong, in the background; goes on with a paused one."
                + "\n\nExample: cstor pool scrub -w tank")
        {
            pause, stop, wait, pools,
        };
        command.Validators.Add(result =>
        {
            int chosen = new[] { pause, stop, wait }.Count(result.GetValue);
            if (chosen > 1) result.AddError("-p, -s and -w exclude each other");
        });
        command.SetAction(async (parse, cancel) =>
        {
            string verb = parse.GetValue(pause) ? ScrubRequest.Pause
                : parse.GetValue(stop) ? ScrubRequest.Stop : ScrubRequest.Start;
            return await ScrubAsync(
                parse, parse.GetRequiredValue(pools), verb, parse.GetValue(wait), cancel);
        });
        return command;
    }

    /// <summary>All are begun before the first is waited for.</summary>
    private async Task<int> ScrubAsync(
        ParseResult parse, string[] pools, string verb, bool isWaiting, CancellationToken cancel)
    {
        int exit = ExitCode.Done;
        List<string> begun = [];
        foreach (string pool in pools)
        {
            int done = await builder.ChangeAsync(
                parse,
                HttpMethod.Post,
                Routes.Fill(Routes.PoolScrub, pool),
                new ScrubRequest(verb),
                RequestJson.Default.ScrubRequest,
                cancel);
            if (done == ExitCode.Done) begun.Add(pool);
            exit = Math.Max(exit, done);
        }
        if (!isWaiting) return exit;
        ScanWaiter waiter = Waiter(parse);
        foreach (string pool in begun)
        {
            if (await waiter.WaitForScrubAsync(pool, cancel) is { } fault) exit = builder.Fail(fault);
        }
        return exit;
    }

    private Command BuildWait()
    {
        Argument<string> pool = ArgumentReaders.PoolOrGuid("Name or guid");
        Option<string[]> types = new("--type", "-t")
        {
            Description = "For what to wait: scrub, resilver, free (what was destroyed gives its space "
                + "back), or several with commas; default all",
            HelpName = "TYPE,...",
        };
        types.Validators.Add(result =>
        {
            foreach (string word in result.Tokens.SelectMany(token => token.Value.Split(',')))
            {
                if (!ScanWaiter.AllKinds.Contains(word) && word != FreeWaiter.Kind)
                {
                    result.AddError($"-t {word}: one can wait for scrub, resilver and free");
                }
            }
        });
        Command command = new(
            "wait",
            "Wait until what goes on in the background has ended; exit status 1 if it did not end well."
                + "\n\nExample: cstor pool wait -t resilver tank")
        {
            types, pool,
        };
        command.SetAction(async (parse, cancel) =>
        {
            string[] given = parse.GetValue(types) ?? [];
            string[] kinds = given.Length == 0
                ? [.. ScanWaiter.AllKinds, FreeWaiter.Kind]
                : [.. given.SelectMany(text => text.Split(','))];
            return await WaitAsync(parse, parse.GetRequiredValue(pool), kinds, cancel);
        });
        return command;
    }

    private async Task<int> WaitAsync(
        ParseResult parse, string pool, string[] kinds, CancellationToken cancel)
    {
        Outcome<bool> scans = kinds.Any(ScanWaiter.AllKinds.Contains)
            ? await Waiter(parse).WaitAsync(pool, kinds, cancel)
            : false;
        if (!scans.IsOk) return builder.Fail(scans.Fault);
        Outcome<bool> freeing = kinds.Contains(FreeWaiter.Kind)
            ? await new FreeWaiter(builder.Context, Look(parse)).WaitAsync(pool, cancel)
            : false;
        if (!freeing.IsOk) return builder.Fail(freeing.Fault);
        if (!scans.Value && !freeing.Value) builder.Context.Out.WriteLine($"{pool}: nothing to wait for");
        return ExitCode.Done;
    }

    private Command BuildCheck()
    {
        Argument<string> pool = ArgumentReaders.PoolOrGuid("Name or guid; with -d only if there are several");
        pool.Arity = ArgumentArity.ZeroOrOne;
        Option<string[]> search = new("--search", "-d")
        {
            Description = "Directory or device of a pool that no daemon has open; repeatable",
            HelpName = "DIR|DEV",
        };
        Command command = new(
            "check",
            "Verify all of a pool: every pointer, checksum and parity, and that no space is leaked or taken "
                + "twice. Repairs nothing. Without -d the pool is an open one; with -d its devices are read "
                + "here, without a daemon. Exit status 1 if there is a problem."
                + "\n\nExample: cstor pool check tank\nExample: cstor pool check -d /srv/disks tank")
        {
            builder.Json, search, pool,
        };
        command.Validators.Add(result =>
        {
            bool isNamed = result.GetValue(pool) is not null || result.GetValue(search) is { Length: > 0 };
            if (!isNamed) result.AddError("name an open POOL, or with -d where its devices are");
        });
        command.SetAction(async (parse, cancel) =>
        {
            string? name = parse.GetValue(pool);
            string[] places = [.. (parse.GetValue(search) ?? []).Select(VdevGrammar.Resolve)];
            Outcome<CheckView> check = places.Length > 0
                ? await OfflineCheck.RunAsync(name, places)
                : await builder.AskAsync(
                    parse,
                    Routes.Fill(Routes.PoolCheck, name!),
                    ReplyJson.Default.CheckView,
                    Timeout.InfiniteTimeSpan,
                    cancel);
            if (!check.IsOk) return builder.Fail(check.Fault);
            builder.Show(parse, check.Value, ReplyJson.Indented.CheckView, PoolPrinter.WriteCheck);
            return check.Value.ProblemCount == 0 ? ExitCode.Done : ExitCode.Failed;
        });
        return command;
    }

    private ScanWaiter Waiter(ParseResult parse) => new(builder.Context, Look(parse));

    private Func<string, CancellationToken, Task<Outcome<PoolStatus>>> Look(ParseResult parse) =>
        (pool, cancel) => builder.AskAsync(
            parse, Routes.Fill(Routes.Pool, pool), ReplyJson.Default.PoolStatus, null, cancel);
}
