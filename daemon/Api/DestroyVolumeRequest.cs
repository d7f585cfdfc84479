namespace Cstor.Daemon.Api;

/// <param name="WithSnapshots">Its snapshots too; without, a volume that has some is refused.</param>
/// <param name="Force">Also while initiators are logged in.</param>
/// <param name="DryRun">Say what would happen.</param>
internal sealed record DestroyVolumeRequest(bool WithSnapshots, bool Force, bool DryRun);
