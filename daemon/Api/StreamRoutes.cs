namespace Cstor.Daemon.Api;

/// <summary>Where snapshots are sent and received: requests that become a connection of frames.</summary>
internal static class StreamRoutes
{
    public const string Send = "/v1/streams/{pool}/{volume}/{snapshot}";
    public const string Receive = "/v1/streams/{pool}/{volume}";

    /// <summary>What the connection is upgraded to.</summary>
    public const string Protocol = "cstor-stream";
}
