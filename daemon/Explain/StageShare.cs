using Cstor.Engine.Statistics;

namespace Cstor.Daemon.Explain;

/// <summary>A part of the time that a volume's commands took, counted once.</summary>
/// <param name="Name">Of the part.</param>
/// <param name="Nanoseconds">In all.</param>
/// <param name="Share">Of the time of all commands, 0 to 1.</param>
/// <param name="Waits">How often a command waited there, and how long each time.</param>
internal sealed record StageShare(string Name, double Nanoseconds, double Share, HistogramCounts Waits)
{
    public const string Network = "network";
    public const string Order = "order";
    public const string Limit = "limit";
    public const string Turn = "share";
    public const string Overlap = "overlap";
    public const string Held = "held";
    public const string Lookup = "lookup";
    public const string DeviceRead = "device read";
    public const string Verify = "verify";
    public const string Prepare = "prepare";
    public const string DeviceWrite = "device write";
    public const string Commit = "commit";
    public const string Replicas = "replicas";
    public const string Relay = "relay";
    public const string Other = "other";
}
