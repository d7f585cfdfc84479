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
        TextTable table = new(
            "NAME", ">SIZE", ">ALLOCATED", ">FREE", ">FREEING", ">USED", ">LOGICAL", ">RATIO", "HEALTH");
        foreach (PoolStatus pool in pools)
        {
            bool isOpen = pool.SizeBytes > 0;
            table.Add(
                pool.Name,
                isOpen ? ByteSize.Format(pool.SizeBytes) : "",
                isOpen ? ByteSize.Format(pool.AllocatedBytes) : "",
                isOpen ? ByteSize.Format(pool.FreeBytes) : "",
                pool.Data.Destroying.Count > 0 ? ByteSize.Format(pool.Data.FreeingBytes) : "",
                isOpen ? Percent(pool.AllocatedBytes, pool.SizeBytes) : "",
                isOpen ? ByteSize.Format(pool.Data.LogicalBytes) : "",
                isOpen ? VolumePrinter.Ratio(pool.Data.CompressionRatio) : "",
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
        if (PoolAdvice.Meaning(pool) is { Length: > 0 } meaning) Field(output, "status", meaning);
        if (pool.Reason.Length > 0) Field(output, "reason", pool.Reason);
        Field(output, "action", PoolAdvice.Actions(pool));
        if (pool.SizeBytes == 0) return;
        Field(
            output,
            "space",
            $"{ByteSize.Format(pool.AllocatedBytes)} of {ByteSize.Format(pool.SizeBytes)} allocated, "
                + $"{ByteSize.Format(pool.FreeBytes)} free"
                + (pool.ReservedBytes > 0 ? $", {ByteSize.Format(pool.ReservedBytes)} reserved" : ""));
        Field(output, "data", Data(pool.Data));
        Field(output, "freeing", Freeing(pool));
        string log = ByteSize.Format(pool.LogBytes);
        Field(
            output,
            "root",
            string.Create(
                CultureInfo.InvariantCulture,
                $"checkpoint {pool.Checkpoint}, epoch {pool.Epoch}, {log} of log to replay"));
        if (pool.Cache is { } cache) Field(output, "cache", CacheText.Lines(cache));
        Field(output, "scan", ScanText.Lines(pool.Name, pool.Scan));
        output.WriteLine();
        VdevPrinter.Write(output, pool.Vdevs);
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
            foreach (CandidateView pool in scan.Candidates) WriteMissing(output, pool);
        }
        foreach (string problem in scan.Problems) output.WriteLine($"note: {problem}");
    }

    /// <summary>What a check found, problems indented.</summary>
    public static void WriteCheck(TextWriter output, CheckView check)
    {
        string verdict = check.ProblemCount == 0 ? "no problem found"
            : check.ProblemCount == 1 ? "1 problem"
            : string.Create(CultureInfo.InvariantCulture, $"{check.ProblemCount} problems");
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"pool {check.Pool}: {check.Blocks} blocks verified, {ByteSize.Format(check.UsedBytes)} in use: "
                + $"{verdict}"));
        foreach (string problem in check.Problems) output.WriteLine("  " + problem);
        long unsaid = check.ProblemCount - check.Problems.Length;
        if (unsaid > 0) output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  and {unsaid} more"));
        foreach (string note in check.Notes) output.WriteLine($"note: {note}");
    }

    private static void WriteMissing(TextWriter output, CandidateView pool)
    {
        foreach (MissingDeviceView missing in pool.Missing)
        {
            string last = missing.LastPath.Length == 0 ? "" : $", last seen as {missing.LastPath}";
            output.WriteLine(
                $"{pool.Name}: missing vdev {missing.Position}, guid {missing.Guid}{last}");
        }
    }

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

    /// <summary>A field of several lines, the name before the first.</summary>
    private static void Field(TextWriter output, string name, IEnumerable<string> lines)
    {
        foreach (string line in lines)
        {
            output.WriteLine($"{(name.Length > 0 ? name + ":" : ""),8} {line}");
            name = "";
        }
    }

    private static void Field(TextWriter output, string name, string value) =>
        output.WriteLine($"{name + ":",8} {value}");

    /// <summary>What the initiators wrote, against what it takes.</summary>
    private static string Data(DataStatus data) =>
        $"{ByteSize.Format(data.LogicalBytes)} in volumes, stored as {ByteSize.Format(data.StoredBytes)}: "
            + $"ratio {VolumePrinter.Ratio(data.CompressionRatio)}";

    /// <summary>What was destroyed and is yet to come back, if there is anything.</summary>
    private static IEnumerable<string> Freeing(PoolStatus pool)
    {
        const int shown = 4;
        IReadOnlyList<DestructionStatus> all = pool.Data.Destroying;
        if (all.Count == 0) yield break;
        yield return $"up to {ByteSize.Format(pool.Data.FreeingBytes)}; "
            + $"wait for it with: cstor pool wait -t free {pool.Name}";
        foreach (DestructionStatus one in all.Take(shown))
        {
            yield return string.Create(CultureInfo.InvariantCulture, $"{one.Name}, {one.Percent} % done");
        }
        if (all.Count > shown)
        {
            yield return string.Create(CultureInfo.InvariantCulture, $"and {all.Count - shown} more");
        }
    }

    private static string Percent(long part, long whole) =>
        string.Create(CultureInfo.InvariantCulture, $"{(double)part / whole * 100:0}%");
}
