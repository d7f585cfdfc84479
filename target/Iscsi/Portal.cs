using System.Net;
using System.Net.Sockets;
using Cstor.Engine.Host;

namespace Cstor.Target.Iscsi;

/// <summary>
/// A network portal: where the target listens, and the tag of its portal group (RFC 7143 §4.1.1). Knows
/// which address to name to an initiator, so that it is only told of portals that it can reach.
/// </summary>
internal sealed class Portal(IListener listener, ushort groupTag)
{
    public IListener Listener => listener;

    public IPEndPoint EndPoint => listener.LocalEndPoint;

    public ushort GroupTag => groupTag;

    /// <summary>
    /// What an initiator that reached us at <paramref name="local"/> may use of the portals.
    /// </summary>
    /// <param name="portals">Where we listen, and the tag of each.</param>
    /// <param name="local">Our end of the initiator's connection.</param>
    /// <returns>Values of TargetAddress: address, port and portal group tag, the nearest first.</returns>
    public static List<string> AddressesFor(
        IEnumerable<(IPEndPoint EndPoint, ushort GroupTag)> portals, IPEndPoint local)
    {
        IPAddress here = Plain(local.Address);
        var addresses = new List<string>();
        foreach ((IPEndPoint endPoint, ushort tag) in portals)
        {
            if (AddressFor(Plain(endPoint.Address), here) is not { } reachable) continue;
            string text = $"{Text(new IPEndPoint(reachable, endPoint.Port))},{tag}";
            if (addresses.Contains(text)) continue;
            bool isNearest = reachable.Equals(here) && endPoint.Port == local.Port;
            addresses.Insert(isNearest ? 0 : addresses.Count, text);
        }

        return addresses;
    }

    /// <summary>Address and port as TargetAddress writes them: IPv6 in brackets, without a scope.</summary>
    public static string Text(IPEndPoint endPoint)
    {
        IPAddress address = Plain(endPoint.Address);
        if (address.AddressFamily == AddressFamily.InterNetwork) return $"{address}:{endPoint.Port}";
        return $"[{new IPAddress(address.GetAddressBytes())}]:{endPoint.Port}";
    }

    /// <summary>
    /// A portal on every address is where the initiator is already. Loopback is for those on this host, a
    /// link-local address for those on that link.
    /// </summary>
    private static IPAddress? AddressFor(IPAddress portal, IPAddress here)
    {
        if (portal.Equals(IPAddress.IPv6Any)) return here;
        if (portal.Equals(IPAddress.Any))
            return here.AddressFamily == AddressFamily.InterNetwork ? here : null;
        if (portal.Equals(here)) return portal;
        if (IPAddress.IsLoopback(portal)) return IPAddress.IsLoopback(here) ? portal : null;
        if (!portal.IsIPv6LinkLocal) return portal;
        return here.IsIPv6LinkLocal && portal.ScopeId == here.ScopeId ? portal : null;
    }

    private static IPAddress Plain(IPAddress address) =>
        address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
}
