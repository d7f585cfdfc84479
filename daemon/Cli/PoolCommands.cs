using System.CommandLine;
using Cstor.Daemon.Api;

namespace Cstor.Daemon.Cli;

/// <summary><c>cstor pool ...</c></summary>
internal sealed class PoolCommands(CommandBuilder builder)
{
    public Command Build()
    {
        Command pool = new("pool", "Pools: make and open them, look at them, mend them")
        {
            BuildCreate(), new ImportCommand(builder).Build(), BuildExport(), BuildDestroy(), BuildList(),
            BuildStatus(),
        };
        foreach (Command command in new PoolDeviceCommands(builder).Build()) pool.Add(command);
        foreach (Command command in new PoolScanCommands(builder).Build()) pool.Add(command);
        pool.Add(new IostatCommands(builder).BuildPool());
        foreach (Command command in new PoolJournalCommands(builder).Build()) pool.Add(command);
        return pool;
    }

    private Command BuildCreate()
    {
        Argument<string> pool = ArgumentReaders.Pool("Name of the new pool");
        Argument<string[]> vdevs = ArgumentReaders.Vdevs("Data is striped over: ", isAddition: false);
        Option<string[]> properties = ArgumentReaders.Properties(
            "Pool property (none is known to this version)");
        properties.Validators.Add(result => result.AddError(
            "pools have no properties in this version; set them on volumes: cstor volume set"));
        Option<bool> force = CommandBuilder.Force(
            "Take devices that carry a label or a file system; what is on them is lost");
        Command command = new(
            "create",
            "Make a pool of devices.\n\n"
                + "Example: cstor pool create tank mirror /dev/sdb /dev/sdc\n"
                + "Example: cstor pool create tank raidz2 /dev/sd[b-g] log mirror /dev/sdh /dev/sdi")
        {
            builder.DryRun, properties, force, pool, vdevs,
        };
        command.SetAction((parse, cancel) =>
        {
            VdevGrammar.Parse(parse.GetRequiredValue(vdevs), out VdevRequest[] layout);
            foreach (string note in VdevGrammar.Notes(layout)) builder.Note(note);
            CreatePoolRequest request = new(
                parse.GetRequiredValue(pool), layout, parse.GetValue(force), parse.GetValue(builder.DryRun));
            return builder.ChangeAsync(
                parse, HttpMethod.Post, Routes.Pools, request, RequestJson.Default.CreatePoolRequest, cancel);
        });
        return command;
    }

    private Command BuildExport()
    {
        Argument<string> pool = ArgumentReaders.PoolOrGuid("Name or guid");
        Option<bool> force = CommandBuilder.Force("Also while initiators are logged in; their I/O fails");
        Command command = new(
            "export", "Close a pool so that another host may import it.\n\nExample: cstor pool export tank")
        {
            builder.DryRun, force, pool,
        };
        command.SetAction((parse, cancel) => builder.ChangeAsync(
            parse,
            HttpMethod.Post,
            Routes.Fill(Routes.PoolExport, parse.GetRequiredValue(pool)),
            new ChangeRequest(parse.GetValue(force), parse.GetValue(builder.DryRun)),
            RequestJson.Default.ChangeRequest,
            cancel));
        return command;
    }

    private Command BuildDestroy()
    {
        Argument<string> pool = ArgumentReaders.PoolOrGuid("Name or guid");
        Option<bool> force = CommandBuilder.Force("Also while it has volumes or initiators are logged in");
        Command command = new(
            "destroy", "Destroy a pool and all that is on it.\n\nExample: cstor pool destroy -n tank")
        {
            builder.DryRun, force, pool,
        };
        command.SetAction((parse, cancel) => builder.ChangeAsync(
            parse,
            HttpMethod.Post,
            Routes.Fill(Routes.PoolDestroy, parse.GetRequiredValue(pool)),
            new ChangeRequest(parse.GetValue(force), parse.GetValue(builder.DryRun)),
            RequestJson.Default.ChangeRequest,
            cancel));
        return command;
    }

    private Command BuildList()
    {
        Command command = new("list", "Pools in one table.\n\nExample: cstor pool list") { builder.Json };
        command.SetAction((parse, cancel) => builder.ShowAsync(
            parse,
            Routes.Pools,
            ReplyJson.Default.PoolStatusArray,
            ReplyJson.Indented.PoolStatusArray,
            PoolPrinter.WriteList,
            cancel));
        return command;
    }

    private Command BuildStatus()
    {
        Argument<string> pool = ArgumentReaders.PoolOrGuid("Name or guid; all pools without it");
        pool.Arity = ArgumentArity.ZeroOrOne;
        Command command = new(
            "status", "Health, devices, errors and damage of pools.\n\nExample: cstor pool status tank")
        {
            builder.Json, pool,
        };
        command.SetAction((parse, cancel) => parse.GetValue(pool) is { } name
            ? builder.ShowAsync(
                parse,
                Routes.Fill(Routes.Pool, name),
                ReplyJson.Default.PoolStatus,
                ReplyJson.Indented.PoolStatus,
                PoolPrinter.WriteStatus,
                cancel)
            : builder.ShowAsync(
                parse,
                Routes.Pools,
                ReplyJson.Default.PoolStatusArray,
                ReplyJson.Indented.PoolStatusArray,
                PoolPrinter.WriteAllStatus,
                cancel));
        return command;
    }
}
