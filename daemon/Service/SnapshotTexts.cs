using Cstor.Engine.Host;
using Cstor.Engine.Pools;
using Cstor.Engine.Versions;

namespace Cstor.Daemon.Service;

/// <summary>What is said about snapshots.</summary>
internal static class SnapshotTexts
{
    public static Fault NoSuchSnapshot(string pool, string volume, string snapshot) => new(
        "no-such-snapshot",
        $"there is no snapshot '{pool}/{volume}@{snapshot}'",
        $"See: cstor snapshot list {pool}/{volume}");

    public static string Count(int count) => PoolTexts.Count(count, "snapshot");

    /// <summary>One line for each, indented below a summary.</summary>
    public static string[] Indented(IEnumerable<Snapshot> snapshots) =>
        [.. snapshots.Select(snapshot => "  " + snapshot.Name)];

    /// <summary>
    /// Why one of these cannot be destroyed, or null. Whoever destroys several looks at all of them first:
    /// then all go or none.
    /// </summary>
    public static Fault? FindObstacle(Pool pool, IEnumerable<Snapshot> snapshots) =>
        snapshots.Select(pool.ReasonToKeep).FirstOrDefault(reason => reason is not null);
}
