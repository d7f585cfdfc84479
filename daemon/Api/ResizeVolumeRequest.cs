namespace Cstor.Daemon.Api;

/// <param name="SizeBytes">New size.</param>
/// <param name="Force">Needed to shrink: what lies behind the new end is lost.</param>
internal sealed record ResizeVolumeRequest(long SizeBytes, bool Force);
