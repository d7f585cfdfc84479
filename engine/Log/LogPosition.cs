using Cstor.PoolLayout;

namespace Cstor.Engine.Log;

/// <summary>Where the next group is or will be, and what it must repeat of its predecessor.</summary>
internal readonly record struct LogPosition(
    ulong Generation, ulong Sequence, LogSegment Segment, LogSegment Next, int OffsetBytes,
        Hash128 PreviousChecksum);
