// Whether what clients saw of a register can be put in one order that agrees with time. As no two writes have
// the same value, each value has a cluster: its write and all reads that returned it. With f the first answer
// and s the last invocation of a cluster, [f, s] is a forward zone if f < s, else [s, f] a backward zone. The
// history is linearizable exactly if no read ended before its write began, no two forward zones overlap, and
// no backward zone lies within a forward one (Gibbons and Korach, Testing Shared Memories, 1997).
//
// A conditional write is the last of the operations on what it expected and the first on what it wrote: such
// clusters follow each other with nothing in between, and are one to all others.
using Cstor.Tests.Simulation.Oracle;

namespace Cstor.Tests.Simulation.Replication;

internal static class RegisterHistory
{
    public static void Check(IEnumerable<ClusterOperation> operations)
    {
        foreach (IGrouping<int, ClusterOperation> register in operations.GroupBy(static o => o.Register))
            if (Reason([.. register]) is { } reason)
                throw new OracleException(
                    $"register {register.Key}: {reason}\n  " + string.Join("\n  ", Around(reason, register)));
    }

    // What has to do with the values that the reason names.
    private static IEnumerable<ClusterOperation> Around(
        string reason, IEnumerable<ClusterOperation> operations) =>
        operations.Where(o => reason.Contains($" {o.Value} ", StringComparison.Ordinal));

    /// <summary>Why the operations on one register are not linearizable, or null.</summary>
    public static string? Reason(IReadOnlyList<ClusterOperation> operations)
    {
        HashSet<ulong> seen = Seen(operations);
        foreach (ClusterOperation none in operations.Where(static o => o.IsMismatch || o.IsRefused))
            if (seen.Contains(none.Value))
                return $"value {none.Value} was seen, though its write was told to have had no effect";
        // Never acknowledged and never seen: it need not have happened.
        ClusterOperation[] writes =
            [.. operations.Where(o => o.IsWrite && (IsDone(o) || seen.Contains(o.Value)))];
        Dictionary<ulong, ValueZone> values = [];
        values[0] = new ValueZone(0, -1, -1);
        foreach (ClusterOperation write in writes)
            values[write.Value] = new ValueZone(
                write.Value, write.AnsweredNanoseconds, write.InvokedNanoseconds);
        foreach (ClusterOperation read in operations.Where(static o => !o.IsWrite && o.IsAnswered))
        {
            if (!values.TryGetValue(read.Value, out ValueZone? zone))
                return $"value {read.Value} was never written";
            if (read.AnsweredNanoseconds < zone.WrittenNanoseconds)
                return $"value {read.Value} was read before it was written";
            zone.Add(read);
        }

        return Chain(values, writes) ?? Mismatch(values, operations) ?? Conflict(
            [.. values.Values.Where(static zone => zone.Before is null).Select(static zone => zone.Whole())]);
    }

    private static bool IsDone(ClusterOperation operation) =>
        operation is { IsAnswered: true, IsMismatch: false, IsRefused: false };

    // What somebody has read, or found as expected and replaced.
    private static HashSet<ulong> Seen(IReadOnlyList<ClusterOperation> operations)
    {
        HashSet<ulong> seen =
            [.. operations.Where(static o => !o.IsWrite && o.IsAnswered).Select(static o => o.Value)];
        for (int before = -1; before != seen.Count;)
        {
            before = seen.Count;
            foreach (ClusterOperation write in operations)
                if (write.Expected is { } expected && (IsDone(write) || seen.Contains(write.Value)))
                    seen.Add(expected);
        }

        return seen;
    }

    private static string? Chain(Dictionary<ulong, ValueZone> values, ClusterOperation[] writes)
    {
        foreach (ClusterOperation write in writes)
        {
            if (write.Expected is not { } expected) continue;
            if (!values.TryGetValue(expected, out ValueZone? before))
                return $"value {expected} was never written, and replaced by {write.Value} ";
            if (before.After is { } other)
                return $"value {expected} was replaced by {other.Value} and by {write.Value} ";
            before.Add(write);
            before.After = values[write.Value];
            before.After.Before = before;
        }

        foreach (ValueZone zone in values.Values)
        {
            for (ValueZone? later = zone.After; later is not null; later = later.After)
            {
                if (later == zone) return $"value {zone.Value} was replaced by itself";
                if (later.First < zone.Last)
                    return $"value {later.Value} was there before {zone.Value} had been replaced";
            }
        }

        return null;
    }

    private static string? Mismatch(
        Dictionary<ulong, ValueZone> values, IReadOnlyList<ClusterOperation> operations)
    {
        foreach (ClusterOperation write in operations.Where(static o => o.IsMismatch))
            if (values.TryGetValue(write.Expected!.Value, out ValueZone? zone)
                && zone.First < write.InvokedNanoseconds && write.AnsweredNanoseconds < zone.Last)
                return $"value {zone.Value} was there all the while, and not found by {write.Value} ";
        return null;
    }

    private static string? Conflict(ValueZone[] zones)
    {
        foreach (ValueZone zone in zones.Where(static zone => zone.First < zone.Last))
        {
            foreach (ValueZone other in zones)
            {
                if (other == zone) continue;
                bool isForward = other.First < other.Last;
                bool isConflict = isForward
                    ? other.First < zone.Last && zone.First < other.Last
                    : other.Last > zone.First && other.First < zone.Last;
                if (isConflict)
                    return $"value {zone.Value} was the newest from {zone.First} to {zone.Last}, yet "
                        + $"{other.Value} {(isForward ? "was from" : "took effect between")} "
                        + $"{Math.Min(other.First, other.Last)} and {Math.Max(other.First, other.Last)}";
            }
        }

        return null;
    }
}
