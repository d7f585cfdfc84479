namespace Cstor.Daemon.Api;

/// <summary>A change of one device of a pool.</summary>
/// <param name="Device">Its path, the last part of the path, or its guid.</param>
internal sealed record DeviceRequest(string Device);
