namespace Cstor.Daemon.Api;

/// <param name="Device">A device of the pool: path, last part of the path, or guid.</param>
/// <param name="NewDevice">Absolute path of the device that shall hold the same.</param>
/// <param name="Force">Also if the new one carries something; never if it is in use.</param>
internal sealed record AttachDeviceRequest(string Device, string NewDevice, bool Force);
