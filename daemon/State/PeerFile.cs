using System.Text.Json;
using Cstor.Engine.Host;

namespace Cstor.Daemon.State;

/// <summary>
/// The peers that an operator named, kept in the state directory. A file that cannot be understood keeps the
/// daemon from starting: without its peers it would serve nothing that is replicated, and say all is well.
/// </summary>
internal sealed class PeerFile
{
    private const int Version = 1;

    private readonly string _path;
    private readonly Lock _gate = new();
    private readonly Dictionary<string, KnownPeer> _peers = new(StringComparer.Ordinal);

    private PeerFile(string path) => _path = path;

    public KnownPeer[] All
    {
        get
        {
            lock (_gate) return [.. _peers.Values];
        }
    }

    public static Outcome<PeerFile> Load(string stateDirectory)
    {
        PeerFile file = new(Path.Combine(stateDirectory, "peers.json"));
        if (!File.Exists(file._path)) return file;
        string reason;
        try
        {
            KnownPeersFile? read = JsonSerializer.Deserialize(
                File.ReadAllBytes(file._path), StateJson.Default.KnownPeersFile);
            if (read?.Version == Version)
            {
                foreach (KnownPeer peer in read.Peers) file._peers[peer.Name] = peer;
                return file;
            }
            reason = $"it has version {read?.Version}, known is {Version}";
        }
        catch (Exception exception) when (exception is JsonException or IOException
            or UnauthorizedAccessException)
        {
            reason = exception.Message;
        }
        return new Fault(
            "peers-file", $"{file._path} cannot be read: {reason}",
            "Move it away and name the peers again with: cstor peer add");
    }

    /// <summary>Durable when this returns.</summary>
    /// <exception cref="IOException">The file could not be written.</exception>
    public void Remember(KnownPeer peer)
    {
        lock (_gate)
        {
            _peers[peer.Name] = peer;
            Save();
        }
    }

    /// <summary>Durable when this returns.</summary>
    /// <exception cref="IOException">The file could not be written.</exception>
    public void Forget(string name)
    {
        lock (_gate)
        {
            if (_peers.Remove(name)) Save();
        }
    }

    private void Save() => AtomicFile.Write(
        _path,
        JsonSerializer.SerializeToUtf8Bytes(
            new KnownPeersFile(Version, [.. _peers.Values]), StateJson.Default.KnownPeersFile));
}
