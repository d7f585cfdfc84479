namespace Cstor.Daemon.Api;

/// <param name="Device">Path, last part of the path, or guid; null: all devices of the pool.</param>
internal sealed record ClearRequest(string? Device);
