using System.Security.Cryptography;
using System.Text;

namespace Cstor.Target.Replication;

/// <summary>
/// What both sides of a connection derive from the shared key and both challenges: the proofs that they know
/// it, and a key for each direction. Whoever does not know the shared key can neither answer a challenge nor
/// seal a frame, and nothing of one connection passes in another.
/// </summary>
internal sealed class ConnectionKeys
{
    public const int ChallengeBytes = 32;

    private ConnectionKeys(byte[] dialerProof, byte[] acceptorProof, byte[] fromDialer, byte[] fromAcceptor)
    {
        DialerProof = dialerProof;
        AcceptorProof = acceptorProof;
        FromDialer = fromDialer;
        FromAcceptor = fromAcceptor;
    }

    public byte[] DialerProof { get; }

    public byte[] AcceptorProof { get; }

    public byte[] FromDialer { get; }

    public byte[] FromAcceptor { get; }

    public static ConnectionKeys Derive(
        byte[] sharedKey, bool isEncrypting, string dialer, ReadOnlySpan<byte> dialerChallenge,
        string acceptor, ReadOnlySpan<byte> acceptorChallenge)
    {
        string mode = isEncrypting ? "encrypted" : "plain";
        byte[] names = Encoding.UTF8.GetBytes($"{dialer}\n{acceptor}\n{mode}\n");
        byte[] transcript = [.. names, .. dialerChallenge, .. acceptorChallenge];
        return new ConnectionKeys(
            Of("dialer proof"), Of("acceptor proof"), Of("from dialer"), Of("from acceptor"));

        byte[] Of(string purpose) =>
            HMACSHA256.HashData(
                sharedKey, (byte[])[.. Encoding.UTF8.GetBytes(purpose + "\n"), .. transcript]);
    }

    /// <summary>Compares without telling by the time it takes how much is right.</summary>
    public static bool Same(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right) =>
        CryptographicOperations.FixedTimeEquals(left, right);
}
