namespace Cstor.Daemon.Api;

/// <param name="Volume">Name of the new volume within the snapshot's pool.</param>
/// <param name="Properties">As for <c>volume set</c>; who may log in is as with the origin unless said
/// here.</param>
/// <param name="DryRun">Check, create nothing.</param>
internal sealed record CloneRequest(string Volume, Dictionary<string, string> Properties, bool DryRun);
