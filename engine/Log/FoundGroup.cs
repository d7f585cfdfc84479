using Cstor.PoolLayout.Records;

namespace Cstor.Engine.Log;

/// <summary>A group of the log that was read whole.</summary>
internal readonly record struct FoundGroup(LogSegment Segment, int OffsetBytes, LogGroupHeader Header);
