using Cstor.Daemon.Api;

namespace Cstor.Daemon.Cli;

/// <summary>How peers and replicas look on a terminal.</summary>
internal static class ReplicationPrinter
{
    public static void WritePeers(TextWriter output, PeerView[] peers)
    {
        TextTable table = new("NODE", "ADDRESS", "STATE", "DETAIL");
        foreach (PeerView peer in peers) table.Add(peer.Name, peer.Address, peer.State, peer.Detail);
        table.Write(output);
    }

    public static void WriteReplicas(TextWriter output, ReplicationView view)
    {
        TextTable table = new("REPLICA", "STATE", "DETAIL");
        foreach (ReplicaView replica in view.Replicas)
            table.Add($"{replica.Node}/{replica.Pool}", replica.State, replica.Detail);
        if (view.Witness.Length > 0) table.Add(view.Witness, "witness", "votes, holds no data");
        table.Write(output);
        if (view.Leader.Length == 0)
        {
            output.WriteLine($"nobody leads, as far as {view.Source} knows: requests wait; "
                + "see: cstor peer list");
        }
        else if (view.Leader != view.Source)
        {
            output.WriteLine($"as {view.Source} knows it; {view.Leader}, which leads, does not answer");
        }
    }
}
