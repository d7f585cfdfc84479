using Cstor.Daemon.Replicas;
using Cstor.Target.Replication;

namespace Cstor.Daemon.Metrics;

/// <summary>A replica, as the node that leads its group knows it.</summary>
/// <param name="Volume">Pool and volume on this node.</param>
/// <param name="Node">Where the replica is.</param>
/// <param name="IsInSync">It counts for everything that is acknowledged.</param>
/// <param name="EntriesBehind">Changes that it has yet to acknowledge; -1 if it is not sent any.</param>
/// <param name="SentBytes">Sent to catch it up, this time.</param>
internal sealed record ReplicaFigures(
    string Volume, string Node, bool IsInSync, long EntriesBehind, long SentBytes)
{
    /// <summary>Of all groups that this node leads. On the loop.</summary>
    public static ReplicaFigures[] Of(ReplicaGroups groups) =>
    [
        .. groups.All.Where(static group => group.Member.IsServing).SelectMany(static group =>
            group.Member.Status().Replicas.Select(replica => new ReplicaFigures(
                group.Volume.Name, replica.Place.Node, replica.State == ReplicaState.InSync,
                replica.EntriesBehind, replica.SentBytes))),
    ];
}
