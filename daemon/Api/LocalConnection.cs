using System.Buffers.Binary;
using System.Globalization;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;

namespace Cstor.Daemon.Api;

/// <summary>Marks a connection that came in on the Unix socket, and says whose it is.</summary>
/// <param name="UserId">Of the process that opened it, as the kernel knows it; null if it does not.</param>
internal sealed record LocalConnection(uint? UserId)
{
    private const string Users = "/etc/passwd";

    // SO_PEERCRED of SOL_SOCKET: struct ucred with process, user and group (unix(7)).
    private const int SocketLevel = 1;
    private const int PeerCredentials = 17;
    private const int CredentialsBytes = 12;
    private const int UserOffset = 4;

    public static LocalConnection Of(ConnectionContext connection)
    {
        if (connection.Features.Get<IConnectionSocketFeature>()?.Socket is not { } socket)
        {
            return new LocalConnection((uint?)null);
        }
        try
        {
            Span<byte> credentials = stackalloc byte[CredentialsBytes];
            int length = socket.GetRawSocketOption(SocketLevel, PeerCredentials, credentials);
            return length < CredentialsBytes
                ? new LocalConnection((uint?)null)
                : new LocalConnection(BinaryPrimitives.ReadUInt32LittleEndian(credentials[UserOffset..]));
        }
        catch (SocketException)
        {
            return new LocalConnection((uint?)null);
        }
    }

    /// <summary><c>alice</c>, or <c>uid 1000</c> where she has no name here.</summary>
    public string UserName()
    {
        if (UserId is not { } id) return "local";
        string number = id.ToString(CultureInfo.InvariantCulture);
        try
        {
            foreach (string line in File.ReadLines(Users))
            {
                string[] fields = line.Split(':');
                if (fields.Length > 2 && fields[2] == number) return fields[0];
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // An image may have no list of users; a number says who it was all the same.
        }
        return id == 0 ? "root" : $"uid {number}";
    }
}
