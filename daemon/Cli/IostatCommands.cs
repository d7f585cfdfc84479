using System.CommandLine;
using System.Text.Json;
using Cstor.Daemon.Api;
using Cstor.Daemon.Explain;
using Cstor.Daemon.Vocabulary;
using Cstor.Engine.Host;
using Cstor.Engine.Statistics;

namespace Cstor.Daemon.Cli;

/// <summary>
/// <c>cstor pool iostat</c>, <c>cstor volume iostat</c> and <c>cstor volume explain</c>: how fast it goes,
/// and where the time goes. The daemon only counts; two looks at its counters say what happened in between.
/// </summary>
internal sealed class IostatCommands(CommandBuilder builder)
{
    private const int MaximumSeconds = 3600;

    public Command BuildPool()
    {
        Argument<string> pool = ArgumentReaders.Text("POOL", "Only this pool", Names.CheckPool);
        pool.Arity = ArgumentArity.ZeroOrOne;
        Option<bool> devices = new("--verbose", "-v") { Description = "Every device, by vdev" };
        Option<bool> latencies = new("--latency", "-l") { Description = "Median and 99th percentile too" };
        Option<int?> watch = Watch();
        Option<int> count = Count();
        Command command = new(
            "iostat",
            "What the devices of pools do, a second long; with --watch again and again."
                + "\n\nExample: cstor pool iostat -v -l --watch 5 tank")
        {
            devices, latencies, watch, count, builder.Json, pool,
        };
        command.SetAction((parse, cancel) => RepeatAsync(
            parse,
            watch,
            count,
            (before, after) =>
            {
                PoolIo[] pools = [.. after.Pools.Where(each => parse.GetValue(pool) is not { } name
                    || each.Name == name)];
                if (parse.GetValue(pool) is { } wanted && pools.Length == 0)
                {
                    return new Fault(
                        "no-such-pool", $"no pool '{wanted}' is open", "See: cstor pool list");
                }
                IostatPrinter.WritePools(
                    builder.Context.Out, before, after, pools, parse.GetValue(devices),
                    parse.GetValue(latencies));
                return null;
            },
            cancel));
        return command;
    }

    public Command BuildVolume()
    {
        Argument<string> volume = ArgumentReaders.Text("POOL[/VOL]", "Only this volume, or this pool's",
            text => text.Contains('/') ? Names.Split(text, out _, out _) : Names.CheckPool(text));
        volume.Arity = ArgumentArity.ZeroOrOne;
        Option<int?> watch = Watch();
        Option<int> count = Count();
        Command command = new(
            "iostat",
            "What is asked of volumes and how long it takes, a second long; with --watch again and again."
                + "\n\nExample: cstor volume iostat --watch 5 tank/db")
        {
            watch, count, builder.Json, volume,
        };
        command.SetAction((parse, cancel) => RepeatAsync(
            parse,
            watch,
            count,
            (before, after) =>
            {
                VolumeIo[] chosen = Choose(after.Volumes, parse.GetValue(volume));
                if (parse.GetValue(volume) is { } name && chosen.Length == 0) return NotServed(name);
                IostatPrinter.WriteVolumes(builder.Context.Out, before, after, chosen);
                return null;
            },
            cancel));
        return command;
    }

    public Command BuildExplain()
    {
        Argument<string> volume = ArgumentReaders.Volume();
        Option<int> seconds = new("--for")
        {
            Description = "Look for so many seconds; without it, at all since the volume was opened",
            HelpName = "SECONDS",
        };
        seconds.Validators.Add(result =>
        {
            if (!result.Errors.Any() && result.GetValueOrDefault<int>() is < 1 or > MaximumSeconds)
            {
                result.AddError($"--for: give 1 to {MaximumSeconds} seconds");
            }
        });
        Command command = new(
            "explain",
            "Where the time of a volume's commands goes, and what that means."
                + "\n\nExample: cstor volume explain --for 10 tank/db")
        {
            seconds, builder.Json, volume,
        };
        command.SetAction((parse, cancel) => ExplainAsync(
            parse, parse.GetRequiredValue(volume), parse.GetValue(seconds), cancel));
        return command;
    }

    private async Task<int> ExplainAsync(
        ParseResult parse, string volume, int seconds, CancellationToken cancel)
    {
        StatisticsView? before = null;
        if (seconds > 0)
        {
            Outcome<StatisticsView> first = await LookAsync(parse, cancel);
            if (!first.IsOk) return builder.Fail(first.Fault);
            before = first.Value;
            await Task.Delay(seconds * builder.Context.PollInterval, cancel);
        }
        Outcome<StatisticsView> last = await LookAsync(parse, cancel);
        if (!last.IsOk) return builder.Fail(last.Fault);
        if (Choose(last.Value.Volumes, volume) is not [var io]) return builder.Fail(NotServed(volume));
        string pool = volume.Split('/')[0];
        DeviceIo[] devices = last.Value.Pools.FirstOrDefault(each => each.Name == pool)?.Devices ?? [];
        if (before is not null)
        {
            io = IostatPrinter.Since(io, before);
            devices = [.. devices.Select(device => IostatPrinter.Since(device, pool, before))];
        }
        builder.Show(
            parse,
            VolumeExplanation.Of(io, devices),
            ReplyJson.Indented.VolumeExplanation,
            (output, explanation) => ExplainPrinter.Write(output, explanation, seconds));
        return ExitCode.Done;
    }

    private async Task<int> RepeatAsync(
        ParseResult parse,
        Option<int?> watch,
        Option<int> count,
        Func<StatisticsView, StatisticsView, Fault?> show,
        CancellationToken cancel)
    {
        bool isWatching = parse.GetResult(watch) is { Implicit: false };
        int seconds = parse.GetValue(watch) ?? 1;
        int rounds = isWatching ? parse.GetValue(count) : 1;
        Outcome<StatisticsView> before = await LookAsync(parse, cancel);
        if (!before.IsOk) return builder.Fail(before.Fault);
        try
        {
            for (int round = 0; rounds == 0 || round < rounds; round++)
            {
                await Task.Delay(seconds * builder.Context.PollInterval, cancel);
                Outcome<StatisticsView> after = await LookAsync(parse, cancel);
                if (!after.IsOk) return builder.Fail(after.Fault);
                if (parse.GetValue(builder.Json))
                {
                    builder.Context.Out.WriteLine(
                        JsonSerializer.Serialize(after.Value, ReplyJson.Default.StatisticsView));
                }
                else
                {
                    if (round > 0) builder.Context.Out.WriteLine();
                    if (show(before.Value, after.Value) is { } fault) return builder.Fail(fault);
                }
                before = after;
            }
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            // Whoever watched has seen enough.
        }
        return ExitCode.Done;
    }

    private Task<Outcome<StatisticsView>> LookAsync(ParseResult parse, CancellationToken cancel) =>
        builder.AskAsync(parse, Routes.Statistics, ReplyJson.Default.StatisticsView, null, cancel);

    private static VolumeIo[] Choose(VolumeIo[] volumes, string? name) =>
    [
        .. volumes.Where(volume => name is null || volume.Volume == name
            || (!name.Contains('/') && volume.Volume.StartsWith(name + "/", StringComparison.Ordinal))),
    ];

    private static Fault NotServed(string name) => new(
        "no-such-volume", $"no volume '{name}' is served", "See: cstor volume list, and target list");

    private static Option<int?> Watch()
    {
        Option<int?> watch = new("--watch", "-w")
        {
            Description = "Go on, every so many seconds, 1 without a number, until interrupted",
            HelpName = "SECONDS",
            Arity = ArgumentArity.ZeroOrOne,
        };
        watch.Validators.Add(result =>
        {
            if (!result.Errors.Any() && result.GetValueOrDefault<int?>() is < 1 or > MaximumSeconds)
            {
                result.AddError($"--watch: give 1 to {MaximumSeconds} seconds");
            }
        });
        return watch;
    }

    private static Option<int> Count()
    {
        Option<int> count = new("--count")
        {
            Description = "With --watch: end after so many rounds",
            HelpName = "COUNT",
        };
        count.Validators.Add(result =>
        {
            if (!result.Errors.Any() && result.GetValueOrDefault<int>() < 1)
            {
                result.AddError("--count: give 1 or more");
            }
        });
        return count;
    }
}
