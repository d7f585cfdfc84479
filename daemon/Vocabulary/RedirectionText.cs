using System.Globalization;
using System.Net;
using Cstor.Target;

namespace Cstor.Daemon.Vocabulary;

/// <summary>
/// The value of the property <c>redirect</c>: <c>ADDR[:PORT]</c> or <c>HOST[:PORT]</c>, and
/// <c>,permanent</c> for initiators to remember it.
/// </summary>
internal static class RedirectionText
{
    private const string Permanent = ",permanent";

    /// <returns>Where logins go, or null where the text says nothing that can be used.</returns>
    public static Redirection? Parse(string text)
    {
        bool isPermanent = text.EndsWith(Permanent, StringComparison.Ordinal);
        if (isPermanent) text = text[..^Permanent.Length];
        if (EndPointText.Parse(text, PortalText.DefaultPort) is { } endPoint)
        {
            bool isSomewhere = endPoint.Port > 0 && !endPoint.Address.Equals(IPAddress.Any)
                && !endPoint.Address.Equals(IPAddress.IPv6Any);
            return isSomewhere ? new Redirection(endPoint.ToString(), isPermanent) : null;
        }
        int colon = text.LastIndexOf(':');
        string host = colon < 0 ? text : text[..colon];
        int port = PortalText.DefaultPort;
        bool isPort = colon < 0 || (int.TryParse(
            text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out port)
            && port is > 0 and <= IPEndPoint.MaxPort);
        bool isName = Uri.CheckHostName(host) == UriHostNameType.Dns && host.Any(char.IsAsciiLetter);
        return isPort && isName
            ? new Redirection(string.Create(CultureInfo.InvariantCulture, $"{host}:{port}"), isPermanent)
            : null;
    }
}
