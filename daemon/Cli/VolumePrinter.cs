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
        TextTable table = new("NAME", ">SIZE", ">BLOCK", ">USED", ">RATIO", ">SESSIONS", "STATE", "TARGET");
        foreach (VolumeView volume in volumes)
        {
            table.Add(
                volume.Name,
                ByteSize.Format(volume.SizeBytes),
                ByteSize.Format(volume.BlockSizeBytes),
                ByteSize.Format(volume.ReferencedBytes),
                Ratio(volume),
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
        List<PropertyView> all =
        [
            new(volume.Name, "size", ByteSize.Format(volume.SizeBytes)),
            new(volume.Name, "block-size", ByteSize.Format(volume.BlockSizeBytes)),
            new(volume.Name, "used", ByteSize.Format(volume.ReferencedBytes)),
            new(volume.Name, "logical-used", ByteSize.Format(volume.LogicalBytes)),
            new(volume.Name, "ratio", Ratio(volume)),
            new(
                volume.Name,
                "created",
                volume.CreatedAt.UtcDateTime.ToString("u", CultureInfo.InvariantCulture)),
            new(volume.Name, "state", volume.State),
            new(volume.Name, "id", volume.Id.ToString()),
            new(volume.Name, "target", volume.Target),
            new(volume.Name, "sessions", volume.Sessions.ToString(CultureInfo.InvariantCulture)),
        ];
        if (volume.Problem.Length > 0) all.Add(new(volume.Name, "problem", volume.Problem));
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

    private static string Ratio(VolumeView volume) => volume.ReferencedBytes == 0
        ? ""
        : string.Create(
            CultureInfo.InvariantCulture, $"{(double)volume.LogicalBytes / volume.ReferencedBytes:0.00}");
}
