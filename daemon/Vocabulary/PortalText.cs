using System.Globalization;
using System.Net;
using Cstor.Engine.Host;

namespace Cstor.Daemon.Vocabulary;

/// <summary>
/// A portal as it is written: <c>ADDR:PORT</c>, or <c>ADDR:PORT,TAG</c> with the tag of its portal group.
/// Portals of one group stand for one path to a session, those of different groups for different ones.
/// </summary>
/// <param name="EndPoint">Where to listen.</param>
/// <param name="GroupTag">1 to 65535.</param>
internal sealed record PortalText(IPEndPoint EndPoint, ushort GroupTag)
{
    public const int DefaultPort = 3260;

    public static Outcome<PortalText> Parse(string text)
    {
        int comma = text.IndexOf(',', StringComparison.Ordinal);
        if (EndPointText.Parse(comma < 0 ? text : text[..comma], DefaultPort) is not { } endPoint)
        {
            return new Fault(
                "bad-portal",
                $"'{text}' is no ADDRESS:PORT",
                "Write one such as 0.0.0.0:3260 or [::]:3260");
        }
        if (comma < 0) return new PortalText(endPoint, 1);
        bool isTag = ushort.TryParse(
            text.AsSpan(comma + 1), NumberStyles.None, CultureInfo.InvariantCulture, out ushort tag);
        return isTag && tag > 0
            ? new PortalText(endPoint, tag)
            : new Fault(
                "bad-portal",
                $"'{text[(comma + 1)..]}' is no portal group tag",
                "Write ADDRESS:PORT,TAG with a tag of 1 to 65535");
    }

    public override string ToString() => GroupTag == 1
        ? EndPoint.ToString()
        : string.Create(CultureInfo.InvariantCulture, $"{EndPoint},{GroupTag}");
}
