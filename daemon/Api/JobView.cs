namespace Cstor.Daemon.Api;

/// <summary>Work that takes long, and how far it is.</summary>
/// <param name="Id">What it is called while the daemon runs.</param>
/// <param name="Kind"><c>scrub</c>, <c>resilver</c>, <c>destroy</c>, <c>catch-up</c>, <c>send</c> or
/// <c>receive</c>.</param>
/// <param name="Subject">Pool, volume or snapshot that it is about.</param>
/// <param name="State"><c>running</c>, <c>paused</c>, <c>finished</c>, <c>canceled</c> or
/// <c>failed</c>.</param>
/// <param name="Progress">Part that is done, 0 to 1; null while nobody knows.</param>
/// <param name="DoneBytes">Bytes looked at or transferred so far; null where none are counted.</param>
/// <param name="TotalBytes">Of how many; null where that is not known beforehand.</param>
/// <param name="BytesPerSecond">Rate; 0 where none is known.</param>
/// <param name="SecondsLeft">At that rate; null while nobody knows.</param>
internal sealed record JobView(
    string Id,
    string Kind,
    string Subject,
    string State,
    double? Progress,
    long? DoneBytes,
    long? TotalBytes,
    long BytesPerSecond,
    double? SecondsLeft)
{
    /// <summary>It goes on, or will.</summary>
    public const string Running = "running";

    public const string Paused = "paused";

    public const string Finished = "finished";

    public const string Canceled = "canceled";

    public const string Failed = "failed";

    /// <summary>What it found, why it ended; or empty.</summary>
    public string Detail { get; init; } = "";

    /// <summary>Why it cannot be canceled; empty if it can.</summary>
    public string CancelRefusal { get; init; } = "";

    /// <summary>Since when it has been going on; null where nobody has noted it.</summary>
    public DateTimeOffset? StartedAt { get; init; }
}
