namespace Cstor.Engine.Streams;

/// <summary>What a transfer came to.</summary>
/// <param name="Snapshot">Whole name of the snapshot that was sent, or that the stream made.</param>
/// <param name="Bytes">Length of the stream.</param>
/// <param name="Blocks">Blocks in it.</param>
public sealed record StreamReport(string Snapshot, long Bytes, ulong Blocks);
