using System.Net;
using Cstor.Engine.Host.Linux.Abi;

namespace Cstor.Engine.Host.Linux;

/// <summary>Why there is no socket, in words.</summary>
internal static class SocketFaults
{
    public static Fault ForListen(IPEndPoint endPoint, int errno) => errno switch
    {
        Errno.EADDRINUSE => new Fault(
            "address-in-use", $"{endPoint} is in use",
            "Choose another port, or stop what listens there ('ss -ltnp' names it)"),
        Errno.EADDRNOTAVAIL => new Fault(
            "address-unavailable", $"{endPoint}: this machine does not have that address",
            "Name an address of this machine, or 0.0.0.0"),
        Errno.EACCES or Errno.EPERM => new Fault(
            "permission-denied", $"{endPoint}: ports below 1024 need root",
            "Run as root, or choose a higher port"),
        _ => new Fault("listen-failed", $"{endPoint}: {Libc.Describe(errno)} (errno {errno})"),
    };

    public static Fault ForConnect(IPEndPoint endPoint, int errno) =>
        new("connect-failed", $"{endPoint}: {Libc.Describe(errno)}",
            "Check that the peer runs and that no firewall is in between");
}
