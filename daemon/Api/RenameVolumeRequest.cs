namespace Cstor.Daemon.Api;

/// <param name="Name">The new name within the pool.</param>
/// <param name="Force">Also while initiators are logged in: they lose the target they know.</param>
/// <param name="DryRun">Say what would happen.</param>
internal sealed record RenameVolumeRequest(string Name, bool Force, bool DryRun);
