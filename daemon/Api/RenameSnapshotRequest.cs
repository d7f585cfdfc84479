namespace Cstor.Daemon.Api;

/// <param name="Name">The new name, without the volume's.</param>
internal sealed record RenameSnapshotRequest(string Name);
