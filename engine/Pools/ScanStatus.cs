namespace Cstor.Engine.Pools;

/// <summary>How far a scrub or resilver is.</summary>
/// <param name="Kind"><c>scrub</c> or <c>resilver</c>.</param>
/// <param name="State"><c>running</c>, <c>paused</c>, <c>finished</c> or <c>canceled</c>.</param>
/// <param name="StartedAt">When it was begun.</param>
/// <param name="EndedAt">When it ended, or null.</param>
/// <param name="ExaminedBytes">Allocated space looked at so far, parity and copies included.</param>
/// <param name="TotalBytes">Allocated space that there was to look at when it began.</param>
/// <param name="IssuedBytes">Bytes read from devices and written to them for it.</param>
/// <param name="RepairedBlocks">Blocks of which a wrong or missing part was rewritten.</param>
/// <param name="LostBlocks">Blocks that no combination of what is left gives back.</param>
/// <param name="BytesPerSecond">Rate of examination, lately; 0 unless running.</param>
/// <param name="TimeLeft">At that rate; null when unknown or not running.</param>
public sealed record ScanStatus(
    string Kind,
    string State,
    DateTimeOffset StartedAt,
    DateTimeOffset? EndedAt,
    long ExaminedBytes,
    long TotalBytes,
    long IssuedBytes,
    long RepairedBlocks,
    long LostBlocks,
    long BytesPerSecond,
    TimeSpan? TimeLeft);
