namespace Cstor.Daemon.Api;

/// <summary>A change that needs no more than its subject.</summary>
/// <param name="Force">Also while initiators are logged in.</param>
/// <param name="DryRun">Say what would happen.</param>
internal sealed record ChangeRequest(bool Force, bool DryRun);
