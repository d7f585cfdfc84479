namespace Cstor.Engine.Statistics;

/// <summary>How long another node took to say that it has a change, or that it has flushed.</summary>
/// <param name="Node">Its name.</param>
/// <param name="Answers">Nanoseconds from the sending to the answer.</param>
public sealed record PeerIo(string Node, HistogramCounts Answers);
