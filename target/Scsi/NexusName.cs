using System.Globalization;

namespace Cstor.Target.Scsi;

/// <summary>
/// An I_T nexus as reservations know it (SPC-4 §5.13.1): an initiator port, and the target port that it
/// comes through. Outlives the session.
/// </summary>
/// <param name="InitiatorPort">As <see cref="Nexus.PortName"/> spells it.</param>
/// <param name="TargetPort">Relative target port identifier.</param>
internal readonly record struct NexusName(string InitiatorPort, ushort TargetPort)
{
    /// <summary>The only port of a volume that other nodes do not serve.</summary>
    private const ushort FirstPort = 1;

    /// <summary>Reads what <see cref="ToText"/> wrote.</summary>
    public static bool TryRead(string text, out string about, out NexusName name)
    {
        about = "";
        name = default;
        int at = text.IndexOf('@', StringComparison.Ordinal);
        if (at < 1 || at == text.Length - 1) return false;
        string[] head = text[..at].Split('/');
        ushort port = FirstPort;
        if (head.Length > 2 || (head.Length == 2
            && !ushort.TryParse(head[1], NumberStyles.None, CultureInfo.InvariantCulture, out port)))
            return false;
        about = head[0];
        name = new NexusName(text[(at + 1)..], port);
        return true;
    }

    /// <summary>One word that says something about it.</summary>
    /// <param name="about">Without a space, / and @.</param>
    public string ToText(string about) => TargetPort == FirstPort
        ? $"{about}@{InitiatorPort}"
        : string.Create(CultureInfo.InvariantCulture, $"{about}/{TargetPort}@{InitiatorPort}");
}
