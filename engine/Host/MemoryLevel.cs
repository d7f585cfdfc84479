namespace Cstor.Engine.Host;

/// <summary>What a process may use of the machine's memory.</summary>
/// <param name="TotalBytes">The machine's, or the tightest limit of a control group if that is less.</param>
/// <param name="AvailableBytes">What can still be taken before the machine or a limit is short; what the
/// kernel would drop first, such as unused file pages, counts as available. Never negative.</param>
public readonly record struct MemoryLevel(long TotalBytes, long AvailableBytes);
