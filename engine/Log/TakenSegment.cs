namespace Cstor.Engine.Log;

/// <summary>A segment of the open log.</summary>
/// <param name="Segment">Where.</param>
/// <param name="Losses0">How often the first copy's vdev had been lost when it was taken.</param>
/// <param name="Losses1">The same of the second copy's.</param>
internal readonly record struct TakenSegment(LogSegment Segment, int Losses0, int Losses1);
