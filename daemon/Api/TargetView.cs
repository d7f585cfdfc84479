namespace Cstor.Daemon.Api;

/// <param name="Name">iSCSI name.</param>
/// <param name="Volume">What LUN 0 is.</param>
/// <param name="SizeBytes">Size of LUN 0.</param>
/// <param name="Portals">Addresses it is served on.</param>
/// <param name="Authentication"><c>none</c>, <c>chap</c> or <c>mutual chap</c>.</param>
/// <param name="Sessions">Who is logged in.</param>
internal sealed record TargetView(
    string Name,
    string Volume,
    long SizeBytes,
    string[] Portals,
    string Authentication,
    SessionView[] Sessions);
