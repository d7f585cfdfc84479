namespace Cstor.Engine.Host.Linux;

/// <summary>How a <see cref="LinuxLoop"/> is set up.</summary>
public sealed record LinuxLoopOptions
{
    /// <summary>The thread's name, at most 15 characters are shown by the system.</summary>
    public string Name { get; init; } = "cstor-loop";

    /// <summary>Bound on the native memory of the loop's buffer pool.</summary>
    public long BufferLimitBytes { get; init; } = 128L * 1024 * 1024;

    /// <summary>
    /// Threads for offloaded computation; 0 for one less than there are processors, at least one.
    /// </summary>
    public int WorkerCount { get; init; }

    /// <summary>
    /// How long to poll before sleeping. Off by default: 50 us halve the latency of one request at a time,
    /// burn a core while anything is under way, and gain nothing from depth 8 on.
    /// </summary>
    public int SpinMicroseconds { get; init; }

    /// <summary>
    /// Called on the loop's thread when an exception escapes a callback. Ends the process unless set.
    /// </summary>
    public Action<Exception>? OnFatal { get; init; }
}
