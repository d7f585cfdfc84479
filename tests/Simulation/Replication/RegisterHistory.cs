// Whether what clients saw of a register can be put in one order that agrees with time. As no two writes have
// the same value, each value has a cluster: its write and all reads that returned it. With f the first answer
// and s the last invocation of a cluster, [f, s] is a forward zone if f < s, else [s, f] a backward zone. The
// history is linearizable exactly if no read ended before its write began, no two forward zones overlap, and
// no backward zone lies within a forward one (Gibbons and Korach, Testing Shared Memories, 1997).
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
        List<(ulong Value, long First, long Last)> zones = [];
        foreach (IGrouping<ulong, ClusterOperation> cluster in operations
            .Where(static o => o.IsWrite || o.AnsweredNanoseconds != long.MaxValue)
            .GroupBy(static o => o.Value))
        {
            ClusterOperation? write = cluster.FirstOrDefault(static o => o.IsWrite);
            ClusterOperation[] reads = [.. cluster.Where(static o => !o.IsWrite)];
            if (write is null && cluster.Key != 0) return $"value {cluster.Key} was never written";
            long invoked = write?.InvokedNanoseconds ?? -1;
            long answered = write?.AnsweredNanoseconds ?? -1;
            if (reads.Any(read => read.AnsweredNanoseconds < invoked))
                return $"value {cluster.Key} was read before it was written";
            // Never acknowledged and never seen: it need not have happened.
            if (reads.Length == 0 && answered == long.MaxValue) continue;
            long first = reads.Select(static r => r.AnsweredNanoseconds).Append(answered).Min();
            long last = reads.Select(static r => r.InvokedNanoseconds).Append(invoked).Max();
            zones.Add((cluster.Key, first, last));
        }

        // Whatever was there at first was written before all.
        if (!zones.Exists(static zone => zone.Value == 0)) zones.Add((0, -1, -1));
        foreach ((ulong value, long first, long last) in zones.Where(static zone => zone.First < zone.Last))
        {
            foreach ((ulong other, long otherFirst, long otherLast) in zones)
            {
                if (other == value) continue;
                bool isForward = otherFirst < otherLast;
                bool isConflict = isForward
                    ? otherFirst < last && first < otherLast
                    : otherLast > first && otherFirst < last;
                if (isConflict)
                    return $"value {value} was the newest from {first} to {last}, yet {other} "
                        + $"{(isForward ? "was from" : "took effect between")} "
                        + $"{Math.Min(otherFirst, otherLast)} and {Math.Max(otherFirst, otherLast)}";
            }
        }

        return null;
    }
}
