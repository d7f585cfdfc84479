using System.Globalization;
using Cstor.Engine.Pools;
using Cstor.PoolLayout.Units;

namespace Cstor.Daemon.Cli;

/// <summary>
/// The vdev tree: groups named by kind and place (<c>raidz2-1</c>), their members below them, log devices and
/// spares in sections of their own.
/// </summary>
internal static class VdevPrinter
{
    private static readonly (string Role, string Heading)[] Sections =
        [("data", ""), ("log", "logs"), ("spare", "spares")];

    public static void Write(TextWriter output, IReadOnlyList<VdevStatus> vdevs)
    {
        TextTable table = new("DEVICE", "STATE", ">SIZE", ">READ", ">WRITE", ">CHECKSUM", "NOTE");
        foreach ((string role, string heading) in Sections)
        {
            bool isFirst = true;
            for (int i = 0; i < vdevs.Count; i++)
            {
                if (vdevs[i].Role != role) continue;
                if (isFirst && heading.Length > 0) table.AddHeading(heading);
                isFirst = false;
                Add(table, vdevs[i], i, heading.Length == 0 ? 0 : 1);
            }
        }
        table.Write(output, indent: 2);
    }

    /// <summary>How a device is called: its path, or without one its guid.</summary>
    public static string NameOf(VdevStatus device) =>
        device.Path.Length == 0 ? device.Guid.ToString() : device.Path;

    private static void Add(TextTable table, VdevStatus vdev, int place, int depth)
    {
        string name = vdev.Children.Count == 0
            ? NameOf(vdev)
            : string.Create(CultureInfo.InvariantCulture, $"{vdev.Kind}-{place}");
        table.Add(
            new string(' ', 2 * depth) + name,
            vdev.State,
            ByteSize.Format(vdev.SizeBytes),
            vdev.ReadErrors.ToString(CultureInfo.InvariantCulture),
            vdev.WriteErrors.ToString(CultureInfo.InvariantCulture),
            vdev.ChecksumErrors.ToString(CultureInfo.InvariantCulture),
            vdev.Note);
        for (int i = 0; i < vdev.Children.Count; i++) Add(table, vdev.Children[i], i, depth + 1);
    }
}
