namespace Cstor.Daemon.Configuration;

/// <summary>
/// What differs between the settings that a daemon runs with and those that were read again, by key.
/// </summary>
/// <param name="Live">Can change while sessions go on.</param>
/// <param name="AtRestart">Hold from the next start on.</param>
internal sealed record OptionChanges(string[] Live, string[] AtRestart)
{
    public static OptionChanges Between(DaemonOptions running, DaemonOptions wanted)
    {
        bool hasSamePorts = !HasTagChange(running, wanted);
        // The content of these files may have changed, though the setting has not.
        bool readsToken = running.HttpTokenFile is not null && wanted.HttpTokenFile is not null;
        (string Key, bool IsSame, bool IsLive)[] settings =
        [
            ("iscsi", running.Iscsi.SequenceEqual(wanted.Iscsi), hasSamePorts),
            ("discovery-chap", IsSame(running.DiscoveryChap, wanted.DiscoveryChap), true),
            ("initiator-timeout", running.InitiatorTimeoutSeconds == wanted.InitiatorTimeoutSeconds, true),
            ("device-timeout", running.DeviceTimeoutSeconds == wanted.DeviceTimeoutSeconds, true),
            ("log-level", running.LogLevel == wanted.LogLevel, true),
            ("http-token-file", running.HttpTokenFile == wanted.HttpTokenFile, readsToken),
            ("state-dir", running.StateDirectory == wanted.StateDirectory, false),
            ("socket", running.SocketPath == wanted.SocketPath, false),
            ("http", Equals(running.Http, wanted.Http), false),
            ("cache", running.CacheBytes == wanted.CacheBytes, false),
            ("node", running.NodeName == wanted.NodeName, false),
            ("peer", Equals(running.Peer, wanted.Peer), false),
            ("peer-key-file", running.PeerKeyFile == wanted.PeerKeyFile, false),
            ("peer-encryption", running.IsPeerEncrypting == wanted.IsPeerEncrypting, false),
        ];
        return new OptionChanges(
            [.. settings.Where(static each => !each.IsSame && each.IsLive).Select(static each => each.Key)],
            [.. settings.Where(static each => !each.IsSame && !each.IsLive).Select(static each => each.Key)]);
    }

    /// <summary>What the daemon runs with once the live part is in force.</summary>
    public DaemonOptions Apply(DaemonOptions running, DaemonOptions wanted) => running with
    {
        Iscsi = Live.Contains("iscsi") ? wanted.Iscsi : running.Iscsi,
        DiscoveryChap = wanted.DiscoveryChap,
        InitiatorTimeoutSeconds = wanted.InitiatorTimeoutSeconds,
        DeviceTimeoutSeconds = wanted.DeviceTimeoutSeconds,
        LogLevel = wanted.LogLevel,
        HttpTokenFile = Live.Contains("http-token-file") ? wanted.HttpTokenFile : running.HttpTokenFile,
    };

    /// <summary>Sessions know the group of the portal that they came through.</summary>
    private static bool HasTagChange(DaemonOptions running, DaemonOptions wanted) => wanted.Iscsi.Any(
        portal => running.Iscsi.Any(
            before => before.EndPoint.Equals(portal.EndPoint) && before.GroupTag != portal.GroupTag));

    private static bool IsSame(
        IReadOnlyDictionary<string, string> first, IReadOnlyDictionary<string, string> second) =>
        first.Count == second.Count
        && first.All(pair => second.TryGetValue(pair.Key, out string? value) && value == pair.Value);
}
