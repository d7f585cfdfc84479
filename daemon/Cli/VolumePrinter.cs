using System.Globalization;
using Cstor.Daemon.Api;
using Cstor.Daemon.Vocabulary;
using Cstor.Engine.Host;
using Cstor.PoolLayout.Units;

namespace Cstor.Daemon.Cli;

/// <summary>How volumes look on a terminal.</summary>
internal static class VolumePrinter
{
    public static void WriteList(TextWriter output, VolumeView[] volumes)
    {
        if (volumes.Length == 0)
        {
            output.WriteLine("no volumes; make one with: cstor volume create POOL/VOL SIZE");
            return;
        }
        TextTable table = new(
            "NAME", ">SIZE", ">BLOCK", ">USED", ">REFER", ">RATIO", ">SESSIONS", "STATE", "TARGET");
        foreach (VolumeView volume in volumes)
        {
            table.Add(
                volume.Name,
                ByteSize.Format(volume.SizeBytes),
                ByteSize.Format(volume.BlockSizeBytes),
                ByteSize.Format(volume.UsedBytes),
                ByteSize.Format(volume.ReferencedBytes),
                Ratio(volume.CompressionRatio),
                volume.Sessions.ToString(CultureInfo.InvariantCulture),
                volume.State,
                volume.Target);
        }
        table.Write(output);
        foreach (VolumeView volume in volumes.Where(volume => volume.Problem.Length > 0))
        {
            output.WriteLine($"{volume.Name}: {volume.Problem}");
        }
    }

    public static void WriteStatus(TextWriter output, VolumeView volume)
    {
        TextTable table = new("PROPERTY", "VALUE");
        foreach (PropertyView property in Select(volume, []).Value) table.Add(property.Name, property.Value);
        table.Write(output);
        if (volume.Replication is not { } replication) return;
        output.WriteLine();
        ReplicationPrinter.WriteReplicas(output, replication);
    }

    public static void WriteProperties(TextWriter output, PropertyView[] properties)
    {
        TextTable table = new("NAME", "PROPERTY", "VALUE");
        foreach (PropertyView property in properties)
        {
            table.Add(property.Volume, property.Name, property.Value);
        }
        table.Write(output);
    }

    /// <summary>Chosen properties, those that cannot be set first; all when none is chosen.</summary>
    public static Outcome<PropertyView[]> Select(VolumeView volume, string[] wanted)
    {
        List<PropertyView> all = Fixed(volume);
        all.AddRange(
            volume.Properties.Select(
                property => new PropertyView(volume.Name, property.Key, property.Value)));
        if (wanted.Length == 0) return all.ToArray();
        List<PropertyView> chosen = [];
        foreach (string name in wanted.SelectMany(text => text.Split(',')))
        {
            PropertyView? property = all.Find(candidate => candidate.Name == name);
            if (property is null && !PropertyRules.IsKnown(name))
            {
                return new Fault(
                    "no-such-property",
                    $"a volume has no property '{name}'",
                    "See them all with: cstor volume get POOL/VOL");
            }
            chosen.Add(property ?? new PropertyView(volume.Name, name, ""));
        }
        return chosen.ToArray();
    }

    /// <summary>How many times smaller what is stored is than what was written.</summary>
    public static string Ratio(double ratio) =>
        ratio <= 0 ? "" : ratio.ToString("0.00", CultureInfo.InvariantCulture);

    /// <summary>Bytes add up: used is by the volume itself and by its snapshots.</summary>
    private static List<PropertyView> Fixed(VolumeView volume)
    {
        List<PropertyView> all = [];
        Add("size", ByteSize.Format(volume.SizeBytes));
        Add("block-size", ByteSize.Format(volume.BlockSizeBytes));
        Add("used", ByteSize.Format(volume.UsedBytes));
        Add("used-by-volume", ByteSize.Format(volume.UsedBytes - volume.UsedBySnapshotsBytes));
        Add("used-by-snapshots", ByteSize.Format(volume.UsedBySnapshotsBytes));
        Add("referenced", ByteSize.Format(volume.ReferencedBytes));
        Add("logical", ByteSize.Format(volume.LogicalBytes));
        Add("ratio", Ratio(volume.CompressionRatio));
        Add("snapshots", volume.SnapshotCount.ToString(CultureInfo.InvariantCulture));
        Add("origin", volume.Origin);
        Add("clones", string.Join(',', volume.Clones));
        Add("created", TimeText.Utc(volume.CreatedAt));
        Add("state", volume.State);
        Add("id", volume.Id.ToString());
        Add("target", volume.Target);
        Add("sessions", volume.Sessions.ToString(CultureInfo.InvariantCulture));
        if (volume.Problem.Length > 0) Add("problem", volume.Problem);
        return all;

        void Add(string name, string value) => all.Add(new(volume.Name, name, value));
    }
}
