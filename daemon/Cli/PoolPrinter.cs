using System.Globalization;
using Cstor.Daemon.Api;
using Cstor.Engine.Pools;
using Cstor.PoolLayout.Units;

namespace Cstor.Daemon.Cli;

/// <summary>How pools look on a terminal.</summary>
internal static class PoolPrinter
{
    public static void WriteList(TextWriter output, PoolStatus[] pools)
    {
        if (pools.Length == 0)
        {
            output.WriteLine(
                "no pools; make one with: cstor pool create POOL DEV... or find one with: cstor pool import");
            return;
        }
        TextTable table = new("NAME", ">SIZE", ">ALLOCATED", ">FREE", ">USED", "HEALTH");
        foreach (PoolStatus pool in pools)
        {
            bool isOpen = pool.SizeBytes > 0;
            table.Add(
                pool.Name,
                isOpen ? ByteSize.Format(pool.SizeBytes) : "",
                isOpen ? ByteSize.Format(pool.AllocatedBytes) : "",
                isOpen ? ByteSize.Format(pool.FreeBytes) : "",
                isOpen ? Percent(pool.AllocatedBytes, pool.SizeBytes) : "",
                pool.Health);
        }
        table.Write(output);
        foreach (PoolStatus pool in pools.Where(pool => pool.Reason.Length > 0))
        {
            output.WriteLine($"{pool.Name}: {pool.Reason}");
        }
    }

    public static void WriteAllStatus(TextWriter output, PoolStatus[] pools)
    {
        if (pools.Length == 0) WriteList(output, pools);
        for (int i = 0; i < pools.Length; i++)
        {
            if (i > 0) output.WriteLine();
            WriteStatus(output, pools[i]);
        }
    }

    public static void WriteStatus(TextWriter output, PoolStatus pool)
    {
        Field(output, "pool", pool.Name);
        Field(output, "guid", pool.Guid.ToString());
        Field(output, "health", pool.Health);
        if (pool.Reason.Length > 0) Field(output, "reason", pool.Reason);
        if (pool.SizeBytes == 0) return;
        Field(
            output,
            "space",
            $"{ByteSize.Format(pool.AllocatedBytes)} of {ByteSize.Format(pool.SizeBytes)} allocated, "
                + $"{ByteSize.Format(pool.FreeBytes)} free");
        string log = ByteSize.Format(pool.LogBytes);
        Field(
            output,
            "root",
            string.Create(
                CultureInfo.InvariantCulture,
                $"checkpoint {pool.Checkpoint}, epoch {pool.Epoch}, {log} of log to replay"));
        output.WriteLine();
        WriteVdevs(output, pool);
        output.WriteLine();
        WriteDamage(output, pool.Damage);
    }

    public static void WriteCandidates(TextWriter output, ImportScanView scan)
    {
        if (scan.Candidates.Length == 0)
        {
            output.WriteLine("no pools to import; look elsewhere with: cstor pool import -d DIR");
        }
        else
        {
            TextTable table = new("NAME", "GUID", "STATE", "LAST HOST", "DEVICES");
            foreach (CandidateView pool in scan.Candidates)
            {
                table.Add(
                    pool.Name,
                    pool.Guid.ToString(),
                    pool.State,
                    pool.Exported ? "exported" : pool.LastHost,
                    string.Join(' ', pool.Devices));
            }
            table.Write(output);
            foreach (CandidateView pool in scan.Candidates.Where(pool => pool.Reason.Length > 0))
            {
                output.WriteLine($"{pool.Name}: {pool.Reason}");
            }
        }
        foreach (string problem in scan.Problems) output.WriteLine($"note: {problem}");
    }

    private static void WriteVdevs(TextWriter output, PoolStatus pool)
    {
        TextTable table = new("DEVICE", "STATE", ">SIZE", ">READ", ">WRITE", ">CHECKSUM");
        int mirrors = 0;
        foreach (VdevStatus vdev in pool.Vdevs)
        {
            string group = vdev.Children.Count == 0
                ? vdev.Path
                : string.Create(CultureInfo.InvariantCulture, $"{vdev.Kind}-{mirrors++}");
            AddVdev(table, group, vdev);
            foreach (VdevStatus child in vdev.Children) AddVdev(table, "  " + child.Path, child);
        }
        table.Write(output, indent: 2);
    }

    private static void AddVdev(TextTable table, string name, VdevStatus vdev) => table.Add(
        name.Trim().Length == 0 ? name + vdev.Guid : name,
        vdev.State,
        ByteSize.Format(vdev.SizeBytes),
        vdev.ReadErrors.ToString(CultureInfo.InvariantCulture),
        vdev.WriteErrors.ToString(CultureInfo.InvariantCulture),
        vdev.ChecksumErrors.ToString(CultureInfo.InvariantCulture));

    private static void WriteDamage(TextWriter output, IReadOnlyList<DamageReport> damage)
    {
        if (damage.Count == 0)
        {
            output.WriteLine("No damage found since import.");
            return;
        }
        TextTable table = new("DAMAGED", ">COUNT", ">REPAIRED", "NEWEST");
        foreach (DamageReport report in damage)
        {
            table.Add(
                report.What,
                report.Count.ToString(CultureInfo.InvariantCulture),
                report.Repaired.ToString(CultureInfo.InvariantCulture),
                report.Where);
        }
        table.Write(output, indent: 2);
    }

    private static void Field(TextWriter output, string name, string value) =>
        output.WriteLine($"{name + ":",8} {value}");

    private static string Percent(long part, long whole) =>
        string.Create(CultureInfo.InvariantCulture, $"{(double)part / whole * 100:0}%");
}
