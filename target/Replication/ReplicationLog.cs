using Cstor.Engine.Host;
using Microsoft.Extensions.Logging;

namespace Cstor.Target.Replication;

/// <summary>What operators are told of peers and groups.</summary>
internal static partial class ReplicationLog
{
    [LoggerMessage(1, LogLevel.Information, "peer {Peer}: connected")]
    public static partial void Connected(ILogger logger, string peer);

    [LoggerMessage(2, LogLevel.Information, "peer {Peer}: {Reason}")]
    public static partial void Ended(ILogger logger, string peer, string reason);

    [LoggerMessage(3, LogLevel.Warning, "{Peer} was not connected: {Reason}")]
    public static partial void NotConnected(ILogger logger, string peer, string reason);

    [LoggerMessage(4, LogLevel.Information, "{Group}: leads with lease epoch {Epoch}")]
    public static partial void Leads(ILogger logger, string group, ulong epoch);

    [LoggerMessage(5, LogLevel.Information, "{Group}: leads no more: {Reason}")]
    public static partial void SteppedDown(ILogger logger, string group, string reason);

    [LoggerMessage(6, LogLevel.Information, "{Group}: in sync are {InSync} (epoch {Epoch}, {Version})")]
    public static partial void Configured(
        ILogger logger, string group, string inSync, ulong epoch, ulong version);

    [LoggerMessage(7, LogLevel.Warning, "{Group}: {Peer} is not waited for any more: {Reason}")]
    public static partial void Dropped(ILogger logger, string group, string peer, string reason);

    [LoggerMessage(8, LogLevel.Information, "{Group}: {Peer} has caught up; {Bytes} bytes were sent to it")]
    public static partial void CaughtUp(ILogger logger, string group, string peer, long bytes);

    [LoggerMessage(9, LogLevel.Warning, "{Group}: {Bytes} bytes at {Offset} could not be read here "
        + "({Failure}) and came from {Peer}; writing them back ended with {Written}")]
    public static partial void Fetched(ILogger logger, string group, int bytes, long offset,
        IoStatus failure, string peer, IoStatus written);

    [LoggerMessage(13, LogLevel.Warning, "{Group}: {Bytes} bytes at {Offset} are damaged at {Peer}, and were "
        + "sent to it ({Status})")]
    public static partial void Mended(
        ILogger logger, string group, long bytes, long offset, string peer, IoStatus status);

    [LoggerMessage(14, LogLevel.Information, "{Group}: {Peer} has got the snapshot {Snapshot}, which it "
        + "missed")]
    public static partial void Brought(ILogger logger, string group, string peer, string snapshot);

    [LoggerMessage(15, LogLevel.Warning, "{Group}: the properties of the volume cannot be kept ({Status})")]
    public static partial void NotKept(ILogger logger, string group, IoStatus status);

    [LoggerMessage(10, LogLevel.Information, "{Group}: its replicas are {Places} now")]
    public static partial void Membership(ILogger logger, string group, string places);

    [LoggerMessage(11, LogLevel.Warning, "{Group}: this node belongs to it no more")]
    public static partial void Removed(ILogger logger, string group);

    [LoggerMessage(12, LogLevel.Information, "{Group}: {Peer} has handed over at entry {Entry}")]
    public static partial void TakesOver(ILogger logger, string group, string peer, ulong entry);
}
