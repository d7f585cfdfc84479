namespace Cstor.Daemon.Api;

/// <param name="Status"><c>ok</c>; a daemon that cannot serve does not answer.</param>
/// <param name="Version">Of the program.</param>
/// <param name="Pools">Open pools.</param>
/// <param name="UnavailablePools">Pools that should be open and are not.</param>
internal sealed record HealthView(string Status, string Version, int Pools, int UnavailablePools);
