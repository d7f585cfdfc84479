namespace Cstor.Daemon.Api;

/// <summary>One replica of a volume.</summary>
/// <param name="Node">Where.</param>
/// <param name="Pool">In which pool there.</param>
/// <param name="State"><c>leads</c>, <c>in sync</c>, <c>catching up</c>, <c>joining</c>, <c>away</c>.</param>
/// <param name="Detail">How far it is, and why; or empty.</param>
internal sealed record ReplicaView(string Node, string Pool, string State, string Detail);
