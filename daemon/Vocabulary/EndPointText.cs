using System.Net;

namespace Cstor.Daemon.Vocabulary;

/// <summary>Addresses as people write them.</summary>
internal static class EndPointText
{
    /// <summary>
    /// An IPv4 address, or an IPv6 address in brackets, with a port or with the default one; a port alone is
    /// on every address.
    /// </summary>
    /// <returns>The end point, or null where the text is none.</returns>
    public static IPEndPoint? Parse(string text, int defaultPort)
    {
        if (text.StartsWith(':')) text = "0.0.0.0" + text;
        bool isBracketed = text.StartsWith('[');
        bool hasPort = isBracketed
            ? text.Contains("]:", StringComparison.Ordinal)
            : text.Count(c => c == ':') == 1;
        string[] parts = text.Split('.');
        if (!isBracketed && !text.Contains("::", StringComparison.Ordinal) && parts.Length != 4) return null;
        if (!IPEndPoint.TryParse(text, out IPEndPoint? endPoint)) return null;
        return hasPort ? endPoint : new IPEndPoint(endPoint.Address, defaultPort);
    }
}
