using System.Globalization;

namespace Cstor.Target.Replication;

/// <summary>
/// What a voter must never forget. It is durable before the voter says any of it to anybody.
/// </summary>
/// <param name="Group">Identity of the group: its volume's, the same on all nodes.</param>
/// <param name="Promised">Highest lease epoch promised: nothing older is taken any more.</param>
/// <param name="IsOpen">
/// The replica may have acknowledged what was not flushed; false after a stop in good order.
/// </param>
/// <param name="Configuration">The newest one recorded.</param>
public sealed record GroupRecord(
    Guid Group, ulong Promised, bool IsOpen, GroupConfiguration Configuration)
{
    /// <summary>Reads what <see cref="ToString"/> wrote; null if it makes no sense.</summary>
    public static GroupRecord? Parse(string text)
    {
        string[] parts = text.Split(' ');
        return parts.Length == 4 && parts[2] is "open" or "clean" && Guid.TryParse(parts[0], out Guid group)
            && ulong.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out ulong promised)
            && GroupConfiguration.Parse(parts[3]) is { } configuration
            ? new GroupRecord(group, promised, parts[2] == "open", configuration)
            : null;
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"{Group} {Promised} {(IsOpen ? "open" : "clean")} {Configuration}");
}
