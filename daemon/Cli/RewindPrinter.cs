using System.Globalization;
using Cstor.Engine.Rewind;
using Cstor.PoolLayout.Units;

namespace Cstor.Daemon.Cli;

/// <summary>How the ways back to older roots look on a terminal.</summary>
internal static class RewindPrinter
{
    private const long Second = 1_000_000_000;

    public static void Write(TextWriter output, RewindPlan plan)
    {
        TextTable table = new(">CHECKPOINT", "TIME", ">BEFORE THE NEWEST", "STATE");
        foreach (RewindRoot root in plan.Roots)
        {
            table.Add(
                Number((long)root.Checkpoint),
                TimeOf(root).ToString("yyyy-MM-dd HH:mm:ss'Z'", CultureInfo.InvariantCulture),
                Span(root.NanosecondsBack),
                root.Damage.Length == 0 ? "whole" : "damaged: " + root.Damage);
        }
        table.Write(output);
        foreach (RewindRoot root in plan.Roots.Where(root => root.Damage.Length == 0))
            WriteLosses(output, plan, root);
        output.WriteLine();
        foreach (string line in Advice(plan)) output.WriteLine(line);
    }

    private static void WriteLosses(TextWriter output, RewindPlan plan, RewindRoot root)
    {
        output.WriteLine();
        output.WriteLine($"going back to checkpoint {Number((long)root.Checkpoint)} "
            + $"brings {Volumes(root.Volumes)} and undoes:");
        foreach (RewindLoss loss in root.Losses) output.WriteLine("  " + Describe(plan.Pool, loss));
        string damaged = plan.LogDamage.Length == 0 ? "" : ", which is damaged: " + plan.LogDamage;
        output.WriteLine($"  what is in the commit log only ({Number(plan.LogGroups)} groups){damaged}");
    }

    private static IEnumerable<string> Advice(RewindPlan plan)
    {
        if (plan.Newest == 0)
        {
            yield return "Nothing here is whole; nothing was changed. Attach what is missing, or save what "
                + $"can be read: cstor pool import --readonly {plan.Pool}";
            yield break;
        }
        if (plan.IsNeedless)
            yield return $"The newest state and its log are whole: cstor pool import {plan.Pool} "
                + "loses nothing.";
        yield return $"To look at one before: cstor pool import --readonly --rewind --to CHECKPOINT "
            + plan.Pool;
        yield return "To go back for good: "
            + $"cstor pool import --rewind --to {Number((long)plan.Newest)} {plan.Pool}";
    }

    private static string Describe(string pool, RewindLoss loss)
    {
        string name = $"{pool}/{loss.Volume}";
        return loss.Kind switch
        {
            RewindLoss.Created => $"{name} ({ByteSize.Format(loss.Bytes)}): was created later and is lost",
            RewindLoss.Destroyed =>
                $"{name} ({ByteSize.Format(loss.Bytes)}): was destroyed later and comes back",
            RewindLoss.Resized => $"{name}: was resized to {ByteSize.Format(loss.Bytes)} later",
            RewindLoss.Written =>
                $"{name}: {Number(loss.Blocks)} blocks ({ByteSize.Format(loss.Bytes)}) were written later",
            _ => $"{name}: what was written later cannot be read",
        };
    }

    private static string Volumes(IReadOnlyList<RewindVolume> volumes) => volumes.Count == 0
        ? "no volumes"
        : string.Join(", ", volumes.Select(volume => $"{volume.Name} ({ByteSize.Format(volume.SizeBytes)})"));

    private static DateTime TimeOf(RewindRoot root) =>
        DateTime.UnixEpoch.AddTicks(root.UnixNanoseconds / TimeSpan.NanosecondsPerTick);

    private static string Span(long nanoseconds)
    {
        TimeSpan span = TimeSpan.FromSeconds(nanoseconds / Second);
        return span < TimeSpan.FromMinutes(2)
            ? string.Create(CultureInfo.InvariantCulture, $"{span.TotalSeconds:0} s")
            : span < TimeSpan.FromHours(2)
                ? string.Create(CultureInfo.InvariantCulture, $"{span.TotalMinutes:0} min")
                : string.Create(CultureInfo.InvariantCulture, $"{span.TotalHours:0} h");
    }

    private static string Number(long number) => number.ToString(CultureInfo.InvariantCulture);
}
