using System.Text;
using Cstor.Engine.Host;

namespace Cstor.Daemon.Replicas;

/// <summary>The key that all peers share, from its file: one line of text, as long as one likes.</summary>
internal static class PeerKey
{
    private const int MinimumBytes = 16;
    private const int MaximumBytes = 4096;

    public static Outcome<byte[]> Read(string path)
    {
        try
        {
            if (new FileInfo(path).Length > MaximumBytes)
            {
                return new Fault("peer-key", $"{path} is too large for a key", "Write the key alone");
            }
            byte[] key = Encoding.UTF8.GetBytes(File.ReadAllText(path).TrimEnd('\r', '\n'));
            return key.Length >= MinimumBytes
                ? key
                : new Fault(
                    "peer-key", $"the key in {path} has fewer than {MinimumBytes} characters",
                    "Make one, the same for all peers: head -c 32 /dev/urandom | base64 > FILE");
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return new Fault(
                "peer-key", $"cannot read the peers' key: {exception.Message}", "Correct peer-key-file");
        }
    }
}
