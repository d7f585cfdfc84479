namespace Cstor.Tests.Simulation.Oracle;

/// <summary>The order of events over all volumes of a pool, as their initiators saw them.</summary>
internal sealed class OracleHistory
{
    private long _lastEvent;

    /// <summary>The next point in the history.</summary>
    public long Tick() => ++_lastEvent;

    /// <summary>A copy that goes on by itself.</summary>
    public OracleHistory Clone() => new() { _lastEvent = _lastEvent };

    /// <summary>
    /// Whether what a crash left is a prefix of the history: if a write survived, so did every write that had
    /// been
    /// acknowledged before it was issued. Call after every block of every volume was read once after the
    /// crash.
    /// </summary>
    /// <returns>What contradicts it, or null.</returns>
    public static string? FindGap(IEnumerable<BlockOracle> volumes)
    {
        (long At, string What) lost = (long.MaxValue, string.Empty);
        (long At, string What) survived = (0, string.Empty);
        foreach (BlockOracle volume in volumes)
        {
            (long At, string What) firstLost = volume.FirstLost();
            (long At, string What) lastSurvivor = volume.LastSurvivor();
            if (firstLost.At < lost.At) lost = firstLost;
            if (lastSurvivor.At > survived.At) survived = lastSurvivor;
        }

        return survived.At <= lost.At
            ? null
            : $"{survived.What} survived, though issued after {lost.What}, which did not";
    }
}
