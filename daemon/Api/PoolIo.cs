using Cstor.Engine.Statistics;

namespace Cstor.Daemon.Api;

/// <param name="Name">Of an open pool.</param>
/// <param name="Devices">How each of its devices fared, spares included.</param>
internal sealed record PoolIo(string Name, DeviceIo[] Devices);
