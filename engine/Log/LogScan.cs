
namespace Cstor.Engine.Log;

/// <summary>The groups of a log, as far as they follow one another.</summary>
/// <param name="Groups">Where each group is, in order.</param>
/// <param name="FlushedThrough">Groups up to this one are durable with their data, by the word of a later
/// one.</param>
/// <param name="Segments">Every segment the log took, the one allocated ahead included.</param>
/// <param name="Gap">Set when a group is damaged although a later one says it was durable: acknowledged
/// writes are gone.</param>
internal sealed record LogScan(
    IReadOnlyList<FoundGroup> Groups, ulong FlushedThrough, IReadOnlyList<LogSegment> Segments, string? Gap);

