namespace Cstor.Daemon.Api;

/// <summary>A device that a pool has and that was not found.</summary>
/// <param name="Guid">Identity in the labels.</param>
/// <param name="LastPath">Where it was last, or empty.</param>
/// <param name="Position">Its place in the vdev tree ("0.1").</param>
internal sealed record MissingDeviceView(Guid Guid, string LastPath, string Position);
