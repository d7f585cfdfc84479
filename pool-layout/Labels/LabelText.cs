// The readable part of a label. One `name=value` to a line in a fixed order, a vdev's lines two spaces deeper
// than the line `vdev` that opens it. Bytes below space, '%' and DEL are written as %XX, so that a path
// cannot break out of its line. Only what is not the default is written for role, state, missing-from and
// path. The reader (LabelTextReader) accepts exactly what this prints: a label that is whole by checksum but
// strange in content was written by another program.
using System.Globalization;
using System.Text;

namespace Cstor.PoolLayout.Labels;

/// <summary>Prints a label's text and names its words.</summary>
public static class LabelText
{
    /// <summary>First line of every label.</summary>
    public const string Title = "cstor pool label";

    /// <summary>The spelling of a kind: <c>disk</c>, <c>mirror</c>, <c>raidz2</c>.</summary>
    public static string NameOf(VdevKind kind) => kind switch
    {
        VdevKind.Disk => "disk",
        VdevKind.Mirror => "mirror",
        VdevKind.Raidz1 => "raidz1",
        VdevKind.Raidz2 => "raidz2",
        VdevKind.Raidz3 => "raidz3",
        VdevKind.Replacing => "replacing",
        VdevKind.Spare => "spare",
        _ => throw new ArgumentOutOfRangeException(nameof(kind)),
    };

    public static string NameOf(VdevRole role) => role switch
    {
        VdevRole.Data => "data",
        VdevRole.Log => "log",
        VdevRole.Spare => "spare",
        _ => throw new ArgumentOutOfRangeException(nameof(role)),
    };

    public static string NameOf(VdevState state) => state switch
    {
        VdevState.Online => "online",
        VdevState.Offline => "offline",
        VdevState.Faulted => "faulted",
        VdevState.Removed => "removed",
        _ => throw new ArgumentOutOfRangeException(nameof(state)),
    };

    public static string NameOf(PoolState state) => state switch
    {
        PoolState.Creating => "creating",
        PoolState.Active => "active",
        PoolState.Exported => "exported",
        PoolState.Destroyed => "destroyed",
        _ => throw new ArgumentOutOfRangeException(nameof(state)),
    };

    /// <summary>The spelling of a branch: 16 digits.</summary>
    public static string NameOf(ulong branch) => branch.ToString("x16", CultureInfo.InvariantCulture);

    /// <summary>The whole text, lines ended by a newline.</summary>
    public static string Print(PoolLabel label)
    {
        StringBuilder text = new(1024);
        text.Append(Title).Append('\n');
        Line(text, 0, "version", label.Version.ToString(CultureInfo.InvariantCulture));
        Line(text, 0, "features", string.Join(',', label.Features));
        Line(text, 0, "write-features", string.Join(',', label.WriteFeatures));
        Line(text, 0, "pool", label.PoolName);
        Line(text, 0, "pool-guid", label.PoolGuid.ToString());
        Line(text, 0, "state", NameOf(label.State));
        Line(text, 0, "generation", label.Generation.ToString(CultureInfo.InvariantCulture));
        Line(text, 0, "branches", string.Join(',', label.Branches.Select(NameOf)));
        Line(text, 0, "device-guid", label.DeviceGuid.ToString());
        Line(text, 0, "host", label.HostName);
        Line(text, 0, "host-id", label.HostId.ToString());
        Line(text, 0, "vdevs", label.Vdevs.Count.ToString(CultureInfo.InvariantCulture));
        foreach (VdevConfig vdev in label.Vdevs) PrintVdev(text, 0, vdev);
        return text.ToString();
    }

    private static void PrintVdev(StringBuilder text, int depth, VdevConfig vdev)
    {
        text.Append(' ', 2 * depth).Append("vdev\n");
        int inner = depth + 1;
        Line(text, inner, "kind", NameOf(vdev.Kind));
        if (vdev.Role != VdevRole.Data) Line(text, inner, "role", NameOf(vdev.Role));
        Line(text, inner, "id", vdev.Id.ToString(CultureInfo.InvariantCulture));
        Line(text, inner, "guid", vdev.Guid.ToString());
        Line(text, inner, "sectors", vdev.SizeSectors.ToString(CultureInfo.InvariantCulture));
        if (vdev.State != VdevState.Online) Line(text, inner, "state", NameOf(vdev.State));
        if (vdev.MissingFrom != 0)
            Line(text, inner, "missing-from", vdev.MissingFrom.ToString(CultureInfo.InvariantCulture));
        if (vdev.Path.Length != 0) Line(text, inner, "path", vdev.Path);
        foreach (VdevConfig child in vdev.Children) PrintVdev(text, inner, child);
    }

    private static void Line(StringBuilder text, int depth, string name, string value)
    {
        text.Append(' ', 2 * depth).Append(name).Append('=');
        foreach (char c in value)
        {
            if (c is < ' ' or '%' or '\x7f') text.Append(CultureInfo.InvariantCulture, $"%{(int)c:X2}");
            else text.Append(c);
        }

        text.Append('\n');
    }
}
