using System.Globalization;
using System.Net;
using Cstor.Daemon.Vocabulary;
using Cstor.Engine.Host;
using Cstor.PoolLayout;
using Cstor.PoolLayout.Units;
using Microsoft.Extensions.Logging;

namespace Cstor.Daemon.Configuration;

/// <summary>
/// Turns settings into <see cref="DaemonOptions"/>, all or nothing: the daemon never starts half-way.
/// </summary>
internal static class SettingReader
{
    private const long MinimumCacheBytes = 8L * 1024 * 1024;

    private const int MaximumDeviceTimeoutSeconds = 600;

    private const string DiscoveryPrefix = "discovery-";

    /// <summary>What a configuration file may set.</summary>
    public static readonly string[] FileKeys =
    [
        "state-dir", "socket", "iscsi", "http", "http-token-file",
        "cache", "device-timeout", "initiator-timeout", "log-level",
        "node", "peer", "peer-key-file", "peer-encryption",
        "discovery-chap-user", "discovery-chap-secret-file", "discovery-mutual-chap-user",
        "discovery-mutual-chap-secret-file",
    ];

    private static readonly string[] Repeatable = ["iscsi", "null-volume"];

    /// <summary>Flags replace what the file says under the same key.</summary>
    public static Outcome<DaemonOptions> Read(IReadOnlyList<Setting> flags, IReadOnlyList<Setting> file)
    {
        foreach (Setting setting in file)
        {
            if (FileKeys.Contains(setting.Key)) continue;
            return Bad(setting, $"unknown key '{setting.Key}'", $"Known are {string.Join(", ", FileKeys)}");
        }
        foreach (IReadOnlyList<Setting> source in (ReadOnlySpan<IReadOnlyList<Setting>>)[file, flags])
        {
            if (FindRepeated(source) is { } repeated) return repeated;
        }
        DaemonOptions options = new();
        IEnumerable<Setting> kept = file.Where(line => !flags.Any(flag => flag.Key == line.Key));
        foreach (Setting setting in kept.Concat(flags))
        {
            Outcome<DaemonOptions> next = Apply(options, setting);
            if (!next.IsOk) return next;
            options = next.Value;
        }
        return CheckTogether(options);
    }

    /// <summary>Checks one setting by itself.</summary>
    /// <returns>What is wrong with it, or null.</returns>
    public static Fault? Check(Setting setting) => Apply(new DaemonOptions(), setting).Fault;

    private static Outcome<DaemonOptions> Apply(DaemonOptions options, Setting setting)
    {
        switch (setting.Key)
        {
            case "state-dir":
                return setting.Value.Length == 0
                    ? Bad(setting, "a directory is missing", "Name one")
                    : options with { StateDirectory = Path.GetFullPath(setting.Value) };
            case "socket":
                return setting.Value.Length == 0
                    ? Bad(setting, "a path is missing", "Name a file for the socket")
                    : options with { SocketPath = Path.GetFullPath(setting.Value) };
            case "iscsi":
                return ApplyIscsi(options, setting);
            case "http":
                return EndPointText.Parse(setting.Value, 0) is { Port: > 0 } http
                    ? options with { Http = http }
                    : Bad(
                        setting, $"'{setting.Value}' is no ADDRESS:PORT", "Write one such as 127.0.0.1:9500");
            case "http-token-file":
                return setting.Value.Length == 0
                    ? Bad(setting, "a path is missing", "Name the file that holds the token")
                    : options with { HttpTokenFile = Path.GetFullPath(setting.Value) };
            case "cache":
                return ApplyCache(options, setting);
            case "device-timeout":
                return SecondsOf(setting.Value) is { } seconds
                    ? options with { DeviceTimeoutSeconds = seconds }
                    : BadSeconds(setting, "device timeout");
            case "initiator-timeout":
                return SecondsOf(setting.Value) is { } silence
                    ? options with { InitiatorTimeoutSeconds = silence }
                    : BadSeconds(setting, "initiator timeout");
            case "node":
                return NodeNames.Check(setting.Value) is { } wrong
                    ? Bad(setting, wrong, "Choose another name")
                    : options with { NodeName = setting.Value };
            case "peer":
                return EndPointText.Parse(setting.Value, DaemonOptions.DefaultPeerPort) is { } peer
                    ? options with { Peer = peer }
                    : Bad(
                        setting, $"'{setting.Value}' is no ADDRESS:PORT", "Write one such as 10.0.0.5:3270");
            case "peer-key-file":
                return Path.IsPathFullyQualified(setting.Value)
                    ? options with { PeerKeyFile = setting.Value }
                    : Bad(setting, $"'{setting.Value}' is not an absolute path", "Name a file");
            case "peer-encryption":
                return setting.Value is "on" or "off"
                    ? options with { IsPeerEncrypting = setting.Value == "on" }
                    : Bad(setting, $"'{setting.Value}' is neither on nor off", "Write peer-encryption = on");
            case "discovery-chap-user" or "discovery-chap-secret-file" or "discovery-mutual-chap-user"
                or "discovery-mutual-chap-secret-file":
                return ApplyDiscovery(options, setting);
            case "log-level":
                return LevelOf(setting.Value) is { } level
                    ? options with { LogLevel = level }
                    : Bad(
                        setting,
                        $"'{setting.Value}' is no log level",
                        "Known are trace, debug, info, warn, error");
            case "null-volume":
                return ApplyNullVolume(options, setting);
            default:
                return Bad(
                    setting, $"unknown key '{setting.Key}'", $"Known are {string.Join(", ", FileKeys)}");
        }
    }

    private static Outcome<DaemonOptions> ApplyCache(DaemonOptions options, Setting setting)
    {
        if (!ByteSize.TryParse(setting.Value, out long bytes, out string? reason))
        {
            return Bad(setting, $"'{setting.Value}': {reason}", "Write a size such as 256M");
        }
        return bytes < MinimumCacheBytes
            ? Bad(
                setting,
                $"a cache of {setting.Value} is too small",
                $"Give it {ByteSize.Format(MinimumCacheBytes)} or more")
            : options with { CacheBytes = bytes };
    }

    private static int? SecondsOf(string text) =>
        int.TryParse(text, CultureInfo.InvariantCulture, out int seconds)
            && seconds is >= 1 and <= MaximumDeviceTimeoutSeconds
            ? seconds
            : null;

    private static Fault BadSeconds(Setting setting, string what) => Bad(
        setting, $"'{setting.Value}' is no {what}", $"Give seconds, 1 to {MaximumDeviceTimeoutSeconds}");

    /// <summary>The settings are called as the properties of a volume that say the same.</summary>
    private static Outcome<DaemonOptions> ApplyDiscovery(DaemonOptions options, Setting setting)
    {
        string property = setting.Key[DiscoveryPrefix.Length..];
        if (setting.Value.Length == 0) return Bad(setting, "a value is missing", "Give one, or leave it out");
        if (PropertyRules.Check(property, setting.Value) is { } fault)
        {
            return Bad(setting, fault.Message, fault.Remedy);
        }
        return options with
        {
            DiscoveryChap = new Dictionary<string, string>(options.DiscoveryChap)
            {
                [property] = setting.Value,
            },
        };
    }

    private static LogLevel? LevelOf(string text) => text switch
    {
        "trace" => LogLevel.Trace,
        "debug" => LogLevel.Debug,
        "info" => LogLevel.Information,
        "warn" => LogLevel.Warning,
        "error" => LogLevel.Error,
        _ => null,
    };

    private static Outcome<DaemonOptions> ApplyIscsi(DaemonOptions options, Setting setting)
    {
        Outcome<PortalText> portal = PortalText.Parse(setting.Value);
        if (!portal.IsOk) return Bad(setting, portal.Fault.Message, portal.Fault.Remedy);
        IReadOnlyList<PortalText> before = ReferenceEquals(options.Iscsi, DaemonOptions.DefaultIscsi)
            ? []
            : options.Iscsi;
        if (before.Any(each => each.EndPoint.Equals(portal.Value.EndPoint)))
        {
            return Bad(setting, $"{portal.Value.EndPoint} is given twice", "Take one out");
        }
        return options with { Iscsi = [.. before, portal.Value] };
    }

    private static Outcome<DaemonOptions> ApplyNullVolume(DaemonOptions options, Setting setting)
    {
        int colon = setting.Value.LastIndexOf(':');
        string name = colon < 0 ? setting.Value : setting.Value[..colon];
        if (Names.CheckVolume(name) is { } wrong) return Bad(setting, wrong, "Write NAME:SIZE");
        string sizeText = colon < 0 ? "" : setting.Value[(colon + 1)..];
        if (!ByteSize.TryParse(sizeText, out long size, out string? reason) || size < Layout.SectorBytes)
        {
            return Bad(setting, $"'{setting.Value}': {reason ?? "too small"}", "Write NAME:SIZE, as null:1T");
        }
        NullVolumeOption volume = new(name, size / Layout.SectorBytes * Layout.SectorBytes);
        return options with { NullVolumes = [.. options.NullVolumes, volume] };
    }

    private static Fault? FindRepeated(IReadOnlyList<Setting> settings)
    {
        Dictionary<string, Setting> seen = [];
        foreach (Setting setting in settings)
        {
            if (seen.TryAdd(setting.Key, setting) || Repeatable.Contains(setting.Key)) continue;
            return Bad(
                setting, $"{setting.Key} was set before, at {seen[setting.Key].Origin}", "Keep one of them");
        }
        return null;
    }

    private static Outcome<DaemonOptions> CheckTogether(DaemonOptions options)
    {
        if (options.Http is { } http
            && options.Iscsi.Any(
                portal => portal.EndPoint.Port == http.Port && Overlaps(portal.EndPoint, http)))
        {
            return new Fault("configuration", $"iscsi and http both want {http}", "Give http another port");
        }
        if (options.Peer is null != (options.PeerKeyFile.Length == 0))
        {
            return new Fault(
                "configuration", "peer and peer-key-file belong together", "Set both, or neither");
        }
        if (options.HttpTokenFile is not null && options.Http is null)
        {
            return new Fault(
                "configuration", "http-token-file is of no use without http", "Set http=ADDRESS:PORT too");
        }
        if (PropertyRules.CheckTogether(options.DiscoveryChap) is { } unfit)
        {
            return new Fault("configuration", $"of discovery: {unfit.Message}", unfit.Remedy);
        }
        return options;
    }

    private static bool Overlaps(IPEndPoint first, IPEndPoint second) =>
        first.Address.Equals(second.Address) || IsAny(first.Address) || IsAny(second.Address);

    private static bool IsAny(IPAddress address) =>
        address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any);

    private static Fault Bad(Setting setting, string message, string remedy) =>
        new(
            "configuration",
            string.Create(CultureInfo.InvariantCulture, $"{setting.Origin}: {message}"),
            remedy);
}
