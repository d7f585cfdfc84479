using System.CommandLine;
using System.Globalization;
using Cstor.Daemon.Api;
using Cstor.Engine.Host;
using Cstor.Engine.Rewind;

namespace Cstor.Daemon.Cli;

/// <summary>
/// <c>cstor pool import</c>: lists what can be opened, opens it, and shows or takes the way back to an older
/// root. The way back is only taken to a checkpoint that is named, so what it undoes is seen before.
/// </summary>
internal sealed class ImportCommand(CommandBuilder builder)
{
    private readonly Argument<string> _pool =
        ArgumentReaders.PoolOrGuid("Name or guid; without it, lists what can be imported");

    private readonly Option<string[]> _search = new("--search", "-d")
    {
        Description = "Directory or device to look at, instead of all block devices; repeatable",
        HelpName = "DIR|DEV",
    };

    private readonly Option<bool> _readOnly =
        new("--readonly") { Description = "Write nothing to the devices" };

    private readonly Option<bool> _force =
        CommandBuilder.Force("Also if another host had the pool last and did not export it");

    private readonly Option<bool> _rewind = new("--rewind")
    {
        Description = "Show which older states of a damaged pool are whole and what each would undo; "
            + "with --to, go back to one",
    };

    private readonly Option<ulong> _to = new("--to")
    {
        Description = "With --rewind: import the pool as it was at this checkpoint, for good",
        HelpName = "CHECKPOINT",
    };

    private readonly Option<bool> _data =
        new("--data") { Description = "With --rewind: read all data too, not only what leads to it" };

    public Command Build()
    {
        _pool.Arity = ArgumentArity.ZeroOrOne;
        Command command = new(
            "import",
            "Open a pool that is on this machine's devices.\n\n"
                + "Example: cstor pool import -d /srv/disks tank\n"
                + "Example: cstor pool import --rewind tank")
        {
            builder.DryRun, _search, _readOnly, _force, _rewind, _to, _data, builder.Json, _pool,
        };
        command.Validators.Add(result =>
        {
            bool isRewind = result.GetValue(_rewind);
            if (isRewind && result.GetValue(_pool) is null) result.AddError("--rewind wants a POOL");
            if (!isRewind && result.GetResult(_to) is not null)
                result.AddError("--to goes with --rewind");
            if (!isRewind && result.GetValue(_data)) result.AddError("--data goes with --rewind");
        });
        command.SetAction(RunAsync);
        return command;
    }

    private Task<int> RunAsync(ParseResult parse, CancellationToken cancel)
    {
        string[] places = [.. (parse.GetValue(_search) ?? []).Select(VdevGrammar.Resolve)];
        if (parse.GetValue(_pool) is not { } name) return ListAsync(parse, places, cancel);
        ulong checkpoint = parse.GetValue(_to);
        bool isShown = checkpoint == 0 || parse.GetValue(builder.DryRun);
        if (parse.GetValue(_rewind) && isShown) return ShowWaysBackAsync(parse, name, places, cancel);
        ImportPoolRequest request = new(
            name,
            places,
            parse.GetValue(_readOnly),
            parse.GetValue(_force),
            parse.GetValue(builder.DryRun),
            checkpoint);
        return builder.ChangeAsync(
            parse,
            HttpMethod.Post,
            Routes.Imports,
            request,
            RequestJson.Default.ImportPoolRequest,
            cancel);
    }

    private Task<int> ListAsync(ParseResult parse, string[] places, CancellationToken cancel)
    {
        string query = QueryOf(places);
        return builder.ShowAsync(
            parse,
            Routes.Imports + (query.Length == 0 ? "" : "?" + query),
            ReplyJson.Default.ImportScanView,
            ReplyJson.Indented.ImportScanView,
            PoolPrinter.WriteCandidates,
            cancel);
    }

    private async Task<int> ShowWaysBackAsync(
        ParseResult parse, string pool, string[] places, CancellationToken cancel)
    {
        string query = "?" + QueryOf(places);
        if (parse.GetValue(_force)) query += "&force=1";
        if (parse.GetValue(_data)) query += "&data=1";
        Outcome<RewindPlan> plan = await builder.AskAsync(
            parse,
            Routes.Fill(Routes.ImportRewind, pool) + query,
            ReplyJson.Default.RewindPlan,
            Timeout.InfiniteTimeSpan,
            cancel);
        if (!plan.IsOk) return builder.Fail(plan.Fault);
        ulong wanted = parse.GetValue(_to);
        RewindRoot[] roots =
            [.. plan.Value.Roots.Where(root => wanted == 0 || root.Checkpoint == wanted)];
        if (roots.Length == 0)
            return builder.Fail(new Fault(
                "no-such-checkpoint",
                string.Create(
                    CultureInfo.InvariantCulture, $"pool {pool}: nothing is left of checkpoint {wanted}"),
                $"See which there are: cstor pool import --rewind {pool}"));
        builder.Show(
            parse, plan.Value with { Roots = roots }, ReplyJson.Indented.RewindPlan, RewindPrinter.Write);
        return Array.Exists(roots, root => root.Damage.Length == 0) ? ExitCode.Done : ExitCode.Failed;
    }

    private static string QueryOf(string[] places) =>
        string.Join('&', places.Select(place => "search=" + Uri.EscapeDataString(place)));
}
