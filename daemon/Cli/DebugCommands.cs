using System.CommandLine;
using Cstor.Daemon.Debug;
using Cstor.Engine.Host;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Printing;
using Cstor.PoolLayout.Records;

namespace Cstor.Daemon.Cli;

/// <summary>
/// <c>cstor debug ...</c>: what lies on devices, read directly and without a daemon. Nothing is written.
/// </summary>
internal sealed class DebugCommands(CliContext context, CommandBuilder builder)
{
    public Command Build() => new(
        "debug", "Print what lies on a device or in a file: label, uberblock, tree, log, stream")
    {
        BuildLabel(), BuildUberblock(), BuildTree(), BuildLog(), BuildStream(),
    };

    private Command BuildLabel()
    {
        Argument<string> device = Device();
        Command command = new(
            "label", "The four labels of a device.\n\nExample: cstor debug label /dev/sdb")
        {
            device,
        };
        command.SetAction(parse => WithDevice(parse.GetRequiredValue(device), file =>
        {
            for (int i = 0; i < Layout.LabelCount; i++)
            {
                context.Out.WriteLine($"{file.Path} label {i}");
                if (PoolImage.ReadLabel(file, i) is { } block)
                {
                    StructurePrinter.DescribeLabel(context.Out, block);
                }
                else context.Out.WriteLine("label: unreadable");
            }
        }));
        return command;
    }

    private Command BuildUberblock()
    {
        Argument<string> device = Device();
        Option<bool> all =
            new("--all", "-a") { Description = "Every slot of every ring, not only the newest root" };
        Command command = new(
            "uberblock", "The roots in the rings of a device.\n\nExample: cstor debug uberblock /dev/sdb")
        {
            all, device,
        };
        command.SetAction(parse =>
            WithDevice(parse.GetRequiredValue(device), file => PrintUberblocks(file, parse.GetValue(all))));
        return command;
    }

    private Command BuildTree()
    {
        Argument<string[]> devices = Devices();
        Option<bool> blocks = new("--blocks") { Description = "Every pointer of every node" };
        Command command = new(
            "tree",
            "The newest root, the volumes below it and the nodes of their trees. Name more devices of the "
                + "pool to read what is on them.\n\nExample: cstor debug tree /dev/sdb /dev/sdc")
        {
            blocks, devices,
        };
        command.SetAction(parse => WithImage(parse.GetRequiredValue(devices), image =>
        {
            TreeWalker walker = new(image, context.Out, parse.GetValue(blocks));
            walker.PrintAll();
            if (walker.FailureCount == 0) return ExitCode.Done;
            return builder.Fail(new Fault(
                "unreadable",
                $"{walker.FailureCount} blocks could not be read",
                "Name the other devices of the pool too; what is still unreadable is damaged"));
        }));
        return command;
    }

    private Command BuildLog()
    {
        Argument<string[]> devices = Devices();
        Command command = new(
            "log",
            "The commit log that an import would replay.\n\nExample: cstor debug log /dev/sdb /dev/sdc")
        {
            devices,
        };
        command.SetAction(parse => WithImage(parse.GetRequiredValue(devices), image =>
        {
            new LogWalker(image, context.Out).PrintAll();
            return ExitCode.Done;
        }));
        return command;
    }

    private Command BuildStream()
    {
        Argument<string> path = new("FILE") { Description = "What volume send wrote" };
        Command command = new(
            "stream", "The records of a stream.\n\nExample: cstor debug stream db.stream") { path };
        command.SetAction(parse =>
        {
            Fault? fault = new StreamWalker(parse.GetRequiredValue(path), context.Out).PrintAll();
            return fault is null ? ExitCode.Done : builder.Fail(fault);
        });
        return command;
    }

    private void PrintUberblocks(DeviceFile file, bool all)
    {
        (ulong Number, byte[] Sector, string Where) newest = (0, [], "");
        for (int label = 0; label < Layout.LabelCount; label++)
        {
            for (int slot = 0; slot < Layout.UberblockSlots; slot++)
            {
                string where = $"{file.Path} label {label} slot {slot}";
                byte[]? sector = PoolImage.ReadUberblock(file, label, slot);
                if (all) PrintSlot(where, sector);
                if (sector is null || Uberblock.TryRead(sector, out Uberblock root) is not null) continue;
                if (root.Number > newest.Number) newest = (root.Number, sector, where);
            }
        }
        if (all) return;
        if (newest.Number == 0)
        {
            context.Out.WriteLine($"{file.Path}: no valid uberblock; see all slots with --all");
        }
        else PrintSlot(newest.Where, newest.Sector);
    }

    private void PrintSlot(string where, byte[]? sector)
    {
        context.Out.WriteLine(where);
        if (sector is null) context.Out.WriteLine("uberblock: unreadable");
        else StructurePrinter.DescribeUberblock(context.Out, sector);
    }

    private int WithDevice(string path, Action<DeviceFile> print)
    {
        Outcome<DeviceFile> device = DeviceFile.Open(VdevGrammar.Resolve(path));
        if (!device.IsOk) return builder.Fail(device.Fault);
        using DeviceFile file = device.Value;
        print(file);
        return ExitCode.Done;
    }

    private int WithImage(string[] paths, Func<PoolImage, int> print)
    {
        Outcome<PoolImage> opened = PoolImage.Open([.. paths.Select(VdevGrammar.Resolve)]);
        if (!opened.IsOk) return builder.Fail(opened.Fault);
        using PoolImage image = opened.Value;
        return print(image);
    }

    private static Argument<string> Device() => new("DEV") { Description = "A device or file of a pool" };

    private static Argument<string[]> Devices() => new("DEV")
    {
        Description = "Devices or files of one pool",
        Arity = ArgumentArity.OneOrMore,
    };
}
