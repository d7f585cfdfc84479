using System.CommandLine;
using System.Globalization;
using Cstor.Daemon.Api;
using Cstor.PoolLayout.Units;

namespace Cstor.Daemon.Cli;

/// <summary><c>cstor target list</c> and <c>cstor disk list</c>.</summary>
internal sealed class ListCommands(CommandBuilder builder)
{
    public Command BuildTarget()
    {
        Command list = new(
            "list", "iSCSI targets with who is logged in.\n\nExample: cstor target list") { builder.Json };
        list.SetAction((parse, cancel) => builder.ShowAsync(
            parse,
            Routes.Targets,
            ReplyJson.Default.TargetViewArray,
            ReplyJson.Indented.TargetViewArray,
            WriteTargets,
            cancel));
        return new Command("target", "iSCSI targets: list") { list };
    }

    public Command BuildDisk()
    {
        Command list = new(
            "list", "Disks of this machine, and why one may not be taken.\n\nExample: cstor disk list")
        {
            builder.Json,
        };
        list.SetAction((parse, cancel) => builder.ShowAsync(
            parse,
            Routes.Disks,
            ReplyJson.Default.DiskViewArray,
            ReplyJson.Indented.DiskViewArray,
            WriteDisks,
            cancel));
        return new Command("disk", "Disks: list") { list };
    }

    private static void WriteTargets(TextWriter output, TargetView[] targets)
    {
        if (targets.Length == 0)
        {
            output.WriteLine("no targets; every volume is one: cstor volume create POOL/VOL SIZE");
            return;
        }
        TextTable table = new("TARGET", "VOLUME", ">SIZE", "AUTHENTICATION", "PORTALS", "SESSIONS");
        foreach (TargetView target in targets)
        {
            table.Add(
                target.Name,
                target.Volume,
                ByteSize.Format(target.SizeBytes),
                target.Authentication,
                string.Join(' ', target.Portals),
                string.Join(
                    ' ', target.Sessions.Select(session => $"{session.Initiator}@{session.Address}")));
        }
        table.Write(output);
    }

    private static void WriteDisks(TextWriter output, DiskView[] disks)
    {
        if (disks.Length == 0)
        {
            output.WriteLine("no block devices; a pool may also be made on files");
            return;
        }
        TextTable table = new("DEVICE", ">SIZE", ">SECTOR", "TYPE", "MODEL", "SERIAL", "POOL", "IN USE");
        foreach (DiskView disk in disks)
        {
            table.Add(
                disk.Path,
                ByteSize.Format(disk.SizeBytes),
                string.Create(
                    CultureInfo.InvariantCulture, $"{disk.LogicalSectorBytes}/{disk.PhysicalSectorBytes}"),
                disk.IsRotational ? "hdd" : "ssd",
                disk.Model,
                disk.Serial,
                disk.Pool,
                disk.InUseBy);
        }
        table.Write(output);
    }
}
