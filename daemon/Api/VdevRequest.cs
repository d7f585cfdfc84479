namespace Cstor.Daemon.Api;

/// <summary>A top-level vdev as typed.</summary>
/// <param name="Kind"><c>disk</c> or <c>mirror</c>.</param>
/// <param name="Devices">Absolute paths: one for a disk, two or more for a mirror.</param>
internal sealed record VdevRequest(string Kind, string[] Devices);
