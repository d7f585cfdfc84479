using System.Globalization;

namespace Cstor.Target.Replication;

/// <summary>Where a replica of a group is.</summary>
/// <param name="Node">Name of the node.</param>
/// <param name="Pool">Name of the pool there.</param>
/// <param name="Port">
/// Which port of the unit it is to initiators, 1 to 65535: unique in the group, and never another's.
/// </param>
/// <param name="IsJoining">It has yet to catch up for the first time, and has no vote.</param>
public sealed record ReplicaPlace(string Node, string Pool, ushort Port, bool IsJoining = false)
{
    private const string Joining = "joining";

    /// <summary>Reads what <see cref="ToString"/> wrote; null if it makes no sense.</summary>
    public static ReplicaPlace? Parse(string text)
    {
        string[] parts = text.Split(':');
        bool isRight = parts.Length is 3 or 4 && parts[0].Length > 0 && parts[1].Length > 0
            && (parts.Length == 3 || parts[3] == Joining)
            && ushort.TryParse(parts[2], NumberStyles.None, CultureInfo.InvariantCulture, out ushort _);
        return isRight
            ? new ReplicaPlace(parts[0], parts[1], ushort.Parse(parts[2], CultureInfo.InvariantCulture),
                parts.Length == 4)
            : null;
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"{Node}:{Pool}:{Port}{(IsJoining ? ":" + Joining : "")}");
}
