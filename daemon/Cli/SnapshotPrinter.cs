using Cstor.Daemon.Api;
using Cstor.Daemon.Vocabulary;
using Cstor.Engine.Pools;
using Cstor.PoolLayout.Units;

namespace Cstor.Daemon.Cli;

/// <summary>How snapshots look on a terminal.</summary>
internal static class SnapshotPrinter
{
    public static void WriteList(TextWriter output, SnapshotStatus[] snapshots)
    {
        if (snapshots.Length == 0)
        {
            output.WriteLine("no snapshots; take one with: cstor snapshot POOL/VOL@SNAP");
            return;
        }
        TextTable table = new("NAME", ">UNIQUE", ">REFER", "CREATED", "HOLDS", "CLONES");
        foreach (SnapshotStatus snapshot in snapshots)
        {
            table.Add(
                snapshot.Name,
                snapshot.UniqueBytes is { } unique ? ByteSize.Format(unique) : "",
                ByteSize.Format(snapshot.ReferencedBytes),
                TimeText.Utc(snapshot.CreatedAt),
                string.Join(',', snapshot.Holds),
                string.Join(',', snapshot.Clones));
        }
        table.Write(output);
    }

    public static void WriteHolds(TextWriter output, HoldView[] holds)
    {
        if (holds.Length == 0)
        {
            output.WriteLine("nothing is held; hold with: cstor snapshot hold TAG POOL/VOL@SNAP");
            return;
        }
        TextTable table = new("NAME", "TAG");
        foreach (HoldView hold in holds) table.Add(hold.Snapshot, hold.Tag);
        table.Write(output);
    }
}
