using Cstor.Engine.Host;
using Cstor.Target.Scsi;
using Microsoft.Extensions.Logging;

namespace Cstor.Target.Iscsi;

/// <summary>What login hands over to the full-feature phase.</summary>
internal sealed class SessionSetup
{
    public required IscsiConnection Connection { get; init; }

    public required TargetServer Server { get; init; }

    public required ILoop Loop { get; init; }

    public required ILogger Logger { get; init; }

    public required TargetOptions Options { get; init; }

    public required TaskPool Tasks { get; init; }

    public required SessionParameters Parameters { get; init; }

    public required string InitiatorName { get; init; }

    public required ulong Isid { get; init; }

    public required ushort Tsih { get; init; }

    public required ushort Cid { get; init; }

    /// <summary>The portal group of the connection's portal: a part of the session's identity.</summary>
    public required ushort PortalGroupTag { get; init; }

    public required uint FirstCmdSn { get; init; }

    public required uint FirstStatSn { get; init; }

    /// <summary>Null in a discovery session.</summary>
    public TargetNode? Target { get; init; }

    /// <summary>Null in a discovery session.</summary>
    public Nexus? Nexus { get; init; }

    public bool IsDiscovery => Target is null;
}
