using System.CommandLine;
using Cstor.Daemon.Api;

namespace Cstor.Daemon.Cli;

/// <summary>
/// <c>cstor pool add|attach|detach|replace|offline|online|clear</c>: the devices of an open pool.
/// </summary>
internal sealed class PoolDeviceCommands(CommandBuilder builder)
{
    private const string Carries =
        "Take a device that carries a label or a file system; what is on it is lost";

    public IEnumerable<Command> Build() =>
    [
        BuildAdd(),
        BuildAttach(),
        BuildDetach(),
        BuildReplace(),
        BuildEach(
            "offline",
            "Take devices out of use, for maintenance; what they miss is copied when they are back.\n\n"
                + "Example: cstor pool offline tank /dev/sdc",
            Routes.PoolOffline),
        BuildEach(
            "online",
            "Bring devices back into use; they are given what they missed.\n\n"
                + "Example: cstor pool online tank /dev/sdc",
            Routes.PoolOnline),
        BuildClear(),
    ];

    private Command BuildAdd()
    {
        Argument<string> pool = Pool();
        Argument<string[]> vdevs = ArgumentReaders.Vdevs("What the pool gets: ", isAddition: true);
        Option<bool> force = CommandBuilder.Force(
            "Take devices that carry something, and vdevs that survive less than the pool's others");
        Command command = new(
            "add",
            "Give a pool more space, log devices or spares. A vdev cannot be taken out again; look first "
                + "with -n.\n\nExample: cstor pool add -n tank mirror /dev/sdd /dev/sde")
        {
            builder.DryRun, force, pool, vdevs,
        };
        command.SetAction((parse, cancel) =>
        {
            VdevGrammar.ParseAddition(parse.GetRequiredValue(vdevs), out VdevRequest[] layout);
            foreach (string note in VdevGrammar.Notes(layout)) builder.Note(note);
            return builder.ChangeAsync(
                parse,
                HttpMethod.Post,
                Routes.Fill(Routes.PoolVdevs, parse.GetRequiredValue(pool)),
                new AddVdevsRequest(layout, parse.GetValue(force), parse.GetValue(builder.DryRun)),
                RequestJson.Default.AddVdevsRequest,
                cancel);
        });
        return command;
    }

    private Command BuildAttach()
    {
        Argument<string> pool = Pool();
        Argument<string> device = ArgumentReaders.Member("DEV", "A plain device, or one of a mirror");
        Argument<string> added = NewDevice();
        Option<bool> force = CommandBuilder.Force(Carries);
        Command command = new(
            "attach",
            "Make a plain device a mirror, or a mirror wider: the new device gets all that the other has."
                + "\n\nExample: cstor pool attach tank /dev/sdb /dev/sdc")
        {
            force, pool, device, added,
        };
        command.SetAction((parse, cancel) => builder.ChangeAsync(
            parse,
            HttpMethod.Post,
            Routes.Fill(Routes.PoolAttach, parse.GetRequiredValue(pool)),
            new AttachDeviceRequest(
                VdevGrammar.ResolveMember(parse.GetRequiredValue(device)),
                VdevGrammar.Resolve(parse.GetRequiredValue(added)),
                parse.GetValue(force)),
            RequestJson.Default.AttachDeviceRequest,
            cancel));
        return command;
    }

    private Command BuildDetach()
    {
        Argument<string> pool = Pool();
        Argument<string> device = ArgumentReaders.Member("DEV", "The device");
        Command command = new(
            "detach",
            "Take a device out of its mirror, a half out of a replacement, or a spare out of the pool."
                + "\n\nExample: cstor pool detach tank /dev/sdc")
        {
            pool, device,
        };
        command.SetAction((parse, cancel) =>
            ChangeAsync(parse, Routes.PoolDetach, pool, parse.GetRequiredValue(device), cancel));
        return command;
    }

    private Command BuildReplace()
    {
        Argument<string> pool = Pool();
        Argument<string> device = ArgumentReaders.Member("DEV", "The device to be replaced");
        Argument<string> by = NewDevice();
        by.Arity = ArgumentArity.ZeroOrOne;
        by.Description += "; without it, a new one is under the old one's path";
        Option<bool> force = CommandBuilder.Force(Carries);
        Command command = new(
            "replace",
            "Put a new device in the place of another, which leaves when the new one is complete."
                + "\n\nExample: cstor pool replace tank /dev/sdc /dev/sdf")
        {
            force, pool, device, by,
        };
        command.SetAction((parse, cancel) => builder.ChangeAsync(
            parse,
            HttpMethod.Post,
            Routes.Fill(Routes.PoolReplace, parse.GetRequiredValue(pool)),
            new ReplaceDeviceRequest(
                VdevGrammar.ResolveMember(parse.GetRequiredValue(device)),
                parse.GetValue(by) is { } path ? VdevGrammar.Resolve(path) : null,
                parse.GetValue(force)),
            RequestJson.Default.ReplaceDeviceRequest,
            cancel));
        return command;
    }

    /// <summary>A verb for several devices: one that is refused does not keep the others from it.</summary>
    private Command BuildEach(string verb, string description, string route)
    {
        Argument<string> pool = Pool();
        Argument<string[]> devices = new("DEV")
        {
            Description = "Devices of the pool, each by its path, the last part of it, or its guid",
            Arity = ArgumentArity.OneOrMore,
        };
        Command command = new(verb, description) { pool, devices };
        command.SetAction(async (parse, cancel) =>
        {
            int exit = ExitCode.Done;
            foreach (string device in parse.GetRequiredValue(devices))
            {
                exit = Math.Max(exit, await ChangeAsync(parse, route, pool, device, cancel));
            }
            return exit;
        });
        return command;
    }

    private Command BuildClear()
    {
        Argument<string> pool = Pool();
        Argument<string> device = ArgumentReaders.Member("DEV", "One device instead of all");
        device.Arity = ArgumentArity.ZeroOrOne;
        Command command = new(
            "clear",
            "Forget counted errors, and use devices again that were taken out for them."
                + "\n\nExample: cstor pool clear tank")
        {
            pool, device,
        };
        command.SetAction((parse, cancel) => builder.ChangeAsync(
            parse,
            HttpMethod.Post,
            Routes.Fill(Routes.PoolClear, parse.GetRequiredValue(pool)),
            new ClearRequest(parse.GetValue(device) is { } one ? VdevGrammar.ResolveMember(one) : null),
            RequestJson.Default.ClearRequest,
            cancel));
        return command;
    }

    private Task<int> ChangeAsync(
        ParseResult parse, string route, Argument<string> pool, string device, CancellationToken cancel) =>
        builder.ChangeAsync(
            parse,
            HttpMethod.Post,
            Routes.Fill(route, parse.GetRequiredValue(pool)),
            new DeviceRequest(VdevGrammar.ResolveMember(device)),
            RequestJson.Default.DeviceRequest,
            cancel);

    private static Argument<string> Pool() => ArgumentReaders.PoolOrGuid("Name or guid");

    private static Argument<string> NewDevice() =>
        new("NEWDEV") { Description = "The new device, a disk or a file" };
}
