namespace Cstor.Daemon.Api;

/// <summary>What a change did or would do, in lines for people.</summary>
/// <param name="DryRun">Nothing was changed.</param>
/// <param name="Lines">In order; the first one is the summary.</param>
internal sealed record ActionReport(bool DryRun, string[] Lines);
