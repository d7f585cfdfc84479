using System.Globalization;
using Cstor.Daemon.Api;
using Cstor.PoolLayout.Units;
using Cstor.Target;

namespace Cstor.Daemon.Cli;

/// <summary>Targets for people to read.</summary>
internal static class TargetPrinter
{
    public static void Write(TextWriter output, TargetView[] targets)
    {
        if (HasNone(output, targets)) return;
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

    /// <summary>A block for each target: its totals, its logical units, its sessions.</summary>
    public static void WriteVerbosely(TextWriter output, TargetView[] targets)
    {
        if (HasNone(output, targets)) return;
        for (int i = 0; i < targets.Length; i++)
        {
            TargetView target = targets[i];
            if (i > 0) output.WriteLine();
            output.WriteLine(target.Name);
            output.WriteLine(
                $"  volume {target.Volume}, {ByteSize.Format(target.SizeBytes)}, "
                    + $"authentication {target.Authentication}");
            output.WriteLine($"  portals {string.Join(' ', target.Portals)}");
            if (target.Redirect.Length > 0) output.WriteLine($"  logins are sent to {target.Redirect}");
            output.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"  logins {target.Logins}, refused {target.LoginFailures}"));
            TextTable table = new(
                "WHAT", ">COMMANDS", ">READS", ">WRITES", ">READ", ">WRITTEN", ">ERRORS", ">REJECTS",
                ">DIGEST ERRORS", ">BUSY", "FROM", "TO");
            AddCounters(table, "all sessions", target.Counters, "", "", "");
            foreach (UnitCounters unit in target.Units) AddUnit(table, unit);
            foreach (SessionView session in target.Sessions)
            {
                AddCounters(
                    table,
                    session.Initiator,
                    session.Counters,
                    Number(session.CommandsUnderWay),
                    session.Address,
                    $"{session.Portal},{Number(session.PortalGroupTag)}");
            }
            table.Write(output, 2);
        }
    }

    private static bool HasNone(TextWriter output, TargetView[] targets)
    {
        if (targets.Length > 0) return false;
        output.WriteLine("no targets; every volume is one: cstor volume create POOL/VOL SIZE");
        return true;
    }

    private static void AddCounters(
        TextTable table, string what, IoCounters counters, string busy, string from, string to) => table.Add(
        what,
        Number(counters.Commands),
        Number(counters.Reads),
        Number(counters.Writes),
        ByteSize.Format(counters.ReadBytes),
        ByteSize.Format(counters.WrittenBytes),
        Number(counters.Errors),
        Number(counters.Rejects),
        Number(counters.DigestErrors),
        busy,
        from,
        to);

    private static void AddUnit(TextTable table, UnitCounters unit) => table.Add(
        $"LUN {Number(unit.Lun)}",
        "",
        Number(unit.ReadCommands),
        Number(unit.WriteCommands),
        ByteSize.Format(unit.ReadBytes),
        ByteSize.Format(unit.WrittenBytes),
        "",
        "",
        "",
        "",
        "",
        "");

    private static string Number(long number) => number.ToString(CultureInfo.InvariantCulture);
}
