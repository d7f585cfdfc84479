using Cstor.Engine.Statistics;

namespace Cstor.Daemon.Metrics;

/// <summary>Metrics of replicas, from the node that leads: no other knows them all.</summary>
internal static class ReplicaMetrics
{
    public static void Write(MetricsText text, ReplicaFigures[] replicas, VolumeIo[] volumes)
    {
        text.Gauge("cstor_replica_in_sync", "1 where a replica holds all that is acknowledged.");
        foreach (ReplicaFigures replica in replicas) text.Add(replica.IsInSync ? 1 : 0, Of(replica));
        text.Gauge("cstor_replica_changes_behind", "Changes that a replica has yet to acknowledge.");
        foreach (ReplicaFigures replica in replicas)
        {
            if (replica.EntriesBehind >= 0) text.Add(replica.EntriesBehind, Of(replica));
        }
        text.Gauge("cstor_replica_catch_up_sent_bytes", "Sent to catch a replica up, now or the last time.");
        foreach (ReplicaFigures replica in replicas) text.Add(replica.SentBytes, Of(replica));
        text.Histogram(
            "cstor_replica_answer_duration_seconds", "Until another node has a change, or has flushed.");
        foreach (VolumeIo volume in volumes)
        {
            foreach (PeerIo peer in volume.Peers)
                text.AddDurations(peer.Answers, ("volume", volume.Volume), ("node", peer.Node));
        }
    }

    private static ReadOnlySpan<(string Name, string Value)> Of(ReplicaFigures replica) =>
        new[] { ("volume", replica.Volume), ("node", replica.Node) };
}
