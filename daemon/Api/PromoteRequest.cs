namespace Cstor.Daemon.Api;

/// <param name="DryRun">Say which snapshots would change their volume.</param>
internal sealed record PromoteRequest(bool DryRun);
