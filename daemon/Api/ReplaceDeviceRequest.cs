namespace Cstor.Daemon.Api;

/// <param name="Device">The old one: path, last part of the path, or guid.</param>
/// <param name="NewDevice">Absolute path of the new one; null: it is under the old one's path.</param>
/// <param name="Force">Also if the new one carries something; never if it is in use.</param>
internal sealed record ReplaceDeviceRequest(string Device, string? NewDevice, bool Force);
