using Cstor.Engine.Host;

namespace Cstor.Engine.Volumes;

/// <summary>How a conditional write ended.</summary>
/// <param name="Status">
/// Ok if it was compared. NotLeader if nothing was done: ask again. Aborted if nobody knows whether it took
/// effect: a repetition would compare with what it wrote itself.
/// </param>
/// <param name="Difference">
/// Where the first byte is that is not as expected, and nothing was written; -1 where all was.
/// </param>
public readonly record struct CompareResult(IoStatus Status, int Difference = -1);
