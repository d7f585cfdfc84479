using System.CommandLine;
using System.Globalization;
using Cstor.Daemon.Api;
using Cstor.PoolLayout.Units;

namespace Cstor.Daemon.Cli;

/// <summary><c>cstor disk list</c>.</summary>
internal sealed class ListCommands(CommandBuilder builder)
{
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

    private static void WriteDisks(TextWriter output, DiskView[] disks)
    {
        if (disks.Length == 0)
        {
            output.WriteLine("no block devices; a pool may also be made on files");
            return;
        }
        TextTable table = new("DEVICE", ">SIZE", ">SECTOR", "TYPE", "MODEL", "SERIAL", "WWN", "POOL",
            "WHY NOT");
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
                disk.Wwn,
                disk.Pool,
                disk.InUseBy.Length > 0 ? disk.InUseBy
                    : disk.Carries.Length > 0 ? disk.Carries + " (-f takes it)" : "");
        }
        table.Write(output);
    }
}
