using System.Net;
using Cstor.Daemon.Vocabulary;
using Microsoft.Extensions.Logging;

namespace Cstor.Daemon.Configuration;

/// <summary>How the daemon runs: flags over configuration file over defaults.</summary>
internal sealed record DaemonOptions
{
    public static readonly IReadOnlyList<PortalText> DefaultIscsi =
        [new(new IPEndPoint(IPAddress.Any, PortalText.DefaultPort), 1)];

    /// <summary>Where peers listen if nothing else is said.</summary>
    public const int DefaultPeerPort = 3270;

    /// <summary>What the daemon remembers between runs.</summary>
    public string StateDirectory { get; init; } = "/var/lib/cstor";

    /// <summary>The admin API.</summary>
    public string SocketPath { get; init; } = "/run/cstor/cstor.sock";

    /// <summary>Portals.</summary>
    public IReadOnlyList<PortalText> Iscsi { get; init; } = DefaultIscsi;

    /// <summary>
    /// Who may discover targets: the CHAP properties of a volume, without their files read; empty for all.
    /// </summary>
    public IReadOnlyDictionary<string, string> DiscoveryChap { get; init; } =
        new Dictionary<string, string>();

    /// <summary>
    /// An initiator silent for so long is asked for a sign of life, in seconds; it has as long to give one.
    /// </summary>
    public int InitiatorTimeoutSeconds { get; init; } = 15;

    /// <summary>What this node is called among its peers.</summary>
    public string NodeName { get; init; } = NodeNames.OfHost(Environment.MachineName);

    /// <summary>Where peers reach this node, or null for a node without any.</summary>
    public IPEndPoint? Peer { get; init; }

    /// <summary>Holds the key that all peers share; empty where there are none.</summary>
    public string PeerKeyFile { get; init; } = "";

    /// <summary>What peers send each other is encrypted; the same on all nodes.</summary>
    public bool IsPeerEncrypting { get; init; } = true;

    /// <summary>The admin API and metrics over TCP, or null.</summary>
    public IPEndPoint? Http { get; init; }

    /// <summary>Holds the token that requests over TCP need; null: they get the health check alone.</summary>
    public string? HttpTokenFile { get; init; }

    /// <summary>Memory for blocks that were read, at most; null for a share of the machine's.</summary>
    public long? CacheBytes { get; init; }

    /// <summary>
    /// How long a device may take for a read or write, in seconds; a flush three times that.
    /// </summary>
    public int DeviceTimeoutSeconds { get; init; } = 10;

    public LogLevel LogLevel { get; init; } = LogLevel.Information;

    /// <summary>What scheduled snapshots go by.</summary>
    public TimeProvider Clock { get; init; } = TimeProvider.System;

    /// <summary>Null devices to serve, for the bench.</summary>
    public IReadOnlyList<NullVolumeOption> NullVolumes { get; init; } = [];
}

/// <summary>A target without a pool.</summary>
internal sealed record NullVolumeOption(string Name, long SizeBytes);
